#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn every_claim_holds() {
    let mut failed = Vec::new();
    for claim in claims() {
        let start = std::time::Instant::now();
        let found = claim.measure(&Extra::default()).unwrap();
        println!(
            "{:>2} {:9.2e} ≤ {:7.1e} {} {:?} {}",
            claim.number,
            found.figure,
            found.bound,
            found.pass(),
            start.elapsed(),
            found.computed
        );
        if !found.pass() {
            failed.push(claim.number);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn claims_are_numbered_from_one_without_a_gap() {
    let numbers: Vec<u32> = claims().iter().map(|claim| claim.number).collect();
    assert_eq!(numbers, (1..=41).collect::<Vec<_>>());
    for claim in claims() {
        assert!(!claim.claim.ends_with('.') && claim.claim.len() < 140, "{claim:?}");
    }
    assert_eq!(select("").unwrap().len(), 41);
    assert_eq!(select("3, 1-2,3").unwrap().iter().map(|claim| claim.number).collect::<Vec<_>>(), [1, 2, 3]);
    for bad in ["0", "42", "2-1", "a", "1-", "-", "1,,2"] {
        assert!(select(bad).unwrap_err().is_argument(), "{bad}");
    }
}
