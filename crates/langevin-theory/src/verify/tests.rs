#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn every_claim_holds() {
    all_hold(claims());
}

#[test]
fn every_claim_on_discrete_data_holds() {
    all_hold(discrete());
}

fn all_hold(claims: Vec<Claim>) {
    let mut failed = Vec::new();
    for claim in claims {
        let start = std::time::Instant::now();
        let found = claim.measure(&Extra::default()).unwrap();
        println!(
            "{:>3} {:9.2e} ≤ {:7.1e} {} {:?} {}",
            claim.label(),
            found.figure,
            found.bound,
            found.pass(),
            start.elapsed(),
            found.computed
        );
        if !found.pass() {
            failed.push(claim.label());
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn claims_are_numbered_from_one_without_a_gap() {
    let numbers: Vec<u32> = claims().iter().map(|claim| claim.number).collect();
    assert_eq!(numbers, (1..=41).collect::<Vec<_>>());
    let numbers: Vec<u32> = discrete().iter().map(|claim| claim.number).collect();
    assert_eq!(numbers, (101..101 + numbers.len() as u32).collect::<Vec<_>>());
    for claim in [claims(), discrete()].concat() {
        assert!(!claim.claim.ends_with('.') && claim.claim.chars().count() < 140, "{claim:?}");
    }
    assert_eq!(select("").unwrap().len(), 41);
    assert_eq!(select("3, 1-2,3").unwrap().iter().map(|claim| claim.number).collect::<Vec<_>>(), [1, 2, 3]);
    let labels = |list: &str| select(list).unwrap().iter().map(Claim::label).collect::<Vec<_>>();
    assert_eq!(labels("D2-d4, 3"), ["3", "D2", "D3", "D4"]);
    assert_eq!(labels("101"), ["D1"]);
    assert_eq!(labels("discrete,D1"), discrete().iter().map(Claim::label).collect::<Vec<_>>());
    for bad in ["0", "42", "2-1", "a", "1-", "-", "1,,2", "D0", "D99", "D2-D1", "41-D1", "100", "D", "D-1", "DD1"] {
        assert!(select(bad).unwrap_err().is_argument(), "{bad}");
    }
}
