//! Free memory of this process, and free space on a disk.
//!
//! Three limits apply, and the smallest decides: the free memory of the machine, the limits of the
//! control groups, and the process's own limit on its address space. Control groups (containers,
//! batch systems, `systemd-run`) kill a process that exceeds their limits even if the machine has
//! free memory. The limits of all groups above a process apply, in version 1 and in version 2:
//!
//! ```text
//! v2   memory.max             memory.current          memory.stat: inactive_file
//! v1   memory.limit_in_bytes  memory.usage_in_bytes   memory.stat: total_inactive_file
//! ```
//!
//! Inactive file pages count as used memory but are released on demand, so they are subtracted.
//! Sources: <https://docs.kernel.org/admin-guide/cgroup-v2.html>,
//! <https://docs.kernel.org/admin-guide/cgroup-v1/memory.html>.

use std::fs;
use std::path::Path;

/// Returns the number of bytes that can still be allocated; `None` if the system does not report
/// it.
///
/// ```
/// assert_eq!(langevin_tasks::memory::available().is_some(), cfg!(target_os = "linux"));
/// ```
#[must_use]
pub fn available() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    [machine(), group(Path::new("/sys/fs/cgroup"), &groups), addresses()].into_iter().flatten().min()
}

/// Returns the number of free bytes on the disk of `file`, which need not exist; `None` if the
/// system does not report it.
///
/// ```
/// # #[cfg(unix)]
/// assert!(langevin_tasks::memory::free_on_disk("file.bin".as_ref()).is_some());
/// ```
#[must_use]
#[cfg(unix)]
pub fn free_on_disk(file: &Path) -> Option<u64> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let about = rustix::fs::statvfs(folder).ok()?;
    // File systems without a disk report zero blocks.
    if about.f_blocks == 0 { None } else { about.f_bavail.checked_mul(about.f_frsize) }
}

/// Returns the number of free bytes on the disk of `file`, which need not exist; `None` if the
/// system does not report it.
#[must_use]
#[cfg(not(unix))]
pub fn free_on_disk(_file: &Path) -> Option<u64> {
    None
}

/// Returns the resident memory of this process in bytes; `None` on systems other than Linux, which
/// do not report it.
///
/// ```
/// assert!(langevin_tasks::memory::resident().is_none_or(|bytes| bytes > 0));
/// ```
#[must_use]
pub fn resident() -> Option<u64> {
    kib(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Returns the free memory of the machine.
fn machine() -> Option<u64> {
    kib(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// Parses a line `name: N kB` and returns the number of bytes.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Returns the rest of this process's address space limit (`ulimit -v`).
#[cfg(unix)]
fn addresses() -> Option<u64> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::As).current?;
    Some(limit.saturating_sub(kib(&fs::read_to_string("/proc/self/status").ok()?, "VmSize:")?))
}

#[cfg(not(unix))]
fn addresses() -> Option<u64> {
    None
}

/// Returns the free memory within the control groups of a process. `root` is the mount point of the
/// group file systems. `listed` is the list of groups in the format of `/proc/self/cgroup`.
fn group(root: &Path, listed: &str) -> Option<u64> {
    let rooms = listed.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let version = match controllers {
            "" => &V2,
            some if some.split(',').any(|name| name == "memory") => &V1,
            _ => return None,
        };
        let mounts = version.mounts.iter().map(|name| root.join(name)).filter(|mount| mount.is_dir());
        mounts.filter_map(|mount| version.tightest(&mount, path)).min()
    });
    rooms.min()
}

/// File names of a version of control groups.
struct Version {
    /// Folders at which the group file system may be mounted.
    mounts: [&'static str; 2],
    limit: &'static str,
    taken: &'static str,
    unused: &'static str,
}

const V2: Version =
    Version { mounts: ["", "unified"], limit: "memory.max", taken: "memory.current", unused: "inactive_file" };
const V1: Version = Version {
    mounts: ["memory", "cpu,memory"],
    limit: "memory.limit_in_bytes",
    taken: "memory.usage_in_bytes",
    unused: "total_inactive_file",
};

impl Version {
    /// Returns the smallest free memory of a group and all groups above it.
    fn tightest(&self, mount: &Path, path: &str) -> Option<u64> {
        let mut at = mount.join(path.trim_start_matches('/'));
        // In a container the path may be that of the host, and only the mount point is visible.
        if !at.is_dir() {
            at = mount.to_owned();
        }
        let mut least = None;
        loop {
            least = [least, self.room(&at)].into_iter().flatten().min();
            if at == mount || !at.pop() || !at.starts_with(mount) {
                return least;
            }
        }
    }

    fn room(&self, group: &Path) -> Option<u64> {
        let number = |name: &str| fs::read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
        // The value "max" does not parse as a number; it means no limit.
        let (limit, taken) = (number(self.limit)?, number(self.taken)?);
        let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        let unused = stat.lines().find_map(|line| line.strip_prefix(self.unused)?.trim().parse::<u64>().ok());
        Some(limit.saturating_sub(taken.saturating_sub(unused.unwrap_or(0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, group: &str, files: &[(&str, &str)]) {
        fs::create_dir_all(root.join(group)).unwrap();
        files.iter().for_each(|(name, text)| fs::write(root.join(group).join(name), text).unwrap());
    }

    #[test]
    fn version_2_counts_every_group_above() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        put(root, "", &[]);
        put(
            root,
            "a",
            &[("memory.max", "1000\n"), ("memory.current", "900\n"), ("memory.stat", "inactive_file 300\n")],
        );
        put(root, "a/b", &[("memory.max", "max\n"), ("memory.current", "100\n")]);
        put(root, "a/b/c", &[("memory.max", "800\n"), ("memory.current", "100\n")]);
        assert_eq!(group(root, "0::/a/b/c\n"), Some(400));
        assert_eq!(group(root, "0::/a/b\n"), Some(400));
        assert_eq!(group(root, "0::/\n"), None);
        assert_eq!(group(root, "0::/elsewhere\n"), None);
        assert_eq!(group(root, "nonsense"), None);
        // A limit below the used memory leaves nothing.
        put(root, "a", &[("memory.max", "500\n")]);
        assert_eq!(group(root, "0::/a\n"), Some(0));
    }

    #[test]
    fn version_1_and_containers() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let files = [("memory.limit_in_bytes", "5000"), ("memory.usage_in_bytes", "1000")];
        put(root, "memory", &files);
        let listed = "12:cpuset:/x\n4:memory:/docker/0123\n1:name=systemd:/x\n0::/x\n";
        assert_eq!(group(root, listed), Some(4000));
        put(root, "memory/docker/0123", &[("memory.limit_in_bytes", "700"), ("memory.usage_in_bytes", "600")]);
        assert_eq!(group(root, listed), Some(100));
    }

    #[test]
    fn this_machine_says_something_where_it_can() {
        assert!(available().is_none_or(|bytes| bytes > 0));
        assert_eq!(available().is_some(), cfg!(target_os = "linux"));
    }
}
