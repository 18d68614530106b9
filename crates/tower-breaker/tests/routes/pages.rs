//! What the guide's pages have of a routes document is right, too.

use tower_breaker::routes::NoExtra;

const TUNING: &str = include_str!("../../src/guide/tuning.md");

#[test]
fn the_policies_of_the_page_on_tuning_are_accepted() {
    let blocks: Vec<_> = TUNING.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let policy = block.replace("[circuit_breaker]", "[policies.default.circuit_breaker]");
        let document = format!("[policies.default]\n{policy}\n[[routes]]\npath = \"/\"\n");
        let config = crate::RoutesConfig::<NoExtra>::from_toml(&document).unwrap();
        assert!(config.routes().all(|route| route.policy().circuit_breaker().is_some()), "{document}");
    }
}
