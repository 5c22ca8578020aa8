//! The README's commands are run as they are written, in their order; what it prints of one of them
//! is what it says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::works;

#[test]
fn the_readmes_commands_work_and_its_table_is_true() {
    let readme = include_str!("../../../README.md");
    let directory = tempfile::tempdir().unwrap();
    let commands = readme.lines().filter_map(|line| line.strip_prefix("    langevin "));
    // ONNX Runtime is where the tests of the Python module are: they run this one.
    let commands: Vec<&str> = commands.filter(|command| !command.contains("--onnx")).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    std::fs::create_dir(directory.path().join("examples")).unwrap();
    let config = include_str!("../../../examples/scheduler_config.json");
    std::fs::write(directory.path().join("examples/scheduler_config.json"), config).unwrap();
    std::fs::write(directory.path().join("examples/houses.csv"), include_str!("../../../examples/houses.csv")).unwrap();
    let mut tables = 0;
    for command in commands {
        let (command, file) =
            command.split_once(" > ").map_or((command, None), |(command, file)| (command, Some(file)));
        // The same training, a tenth as long: whether it works, not how well.
        let (stdout, _) = works(directory.path(), &command.replace("--steps 4000", "--steps 400"));
        if let Some(file) = file {
            std::fs::write(directory.path().join(file), stdout).unwrap();
        } else if command.starts_with("plan ") && !command.contains("--from-diffusers") {
            let shown: String = stdout.lines().map(|line| format!("    {line}\n")).collect();
            assert!(readme.contains(&shown), "the README shows another table than\n{shown}");
            tables += 1;
        }
    }
    assert_eq!(tables, 1);
    // Samples have the columns of the table, with whole numbers where it has them.
    let samples = std::fs::read_to_string(directory.path().join("synthetic.csv")).unwrap();
    let mut lines = samples.lines();
    assert_eq!(lines.next(), Some("area,rooms,age,distance,price"));
    let whole = |line: &str| line.split(',').skip(1).take(2).all(|value| value.parse::<i64>().is_ok());
    assert_eq!(lines.filter(|line| whole(line)).count(), 1000);
}
