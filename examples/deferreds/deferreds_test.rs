//! The tour of `main.rs`, as it is printed.

/// To change it, change the tour, look at it, and write it down: `cargo run --example deferreds > …/tour.txt`.
#[test]
fn the_tour_is_as_it_is_told() {
    let output = live::output_of_example("deferreds", &[]);
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    assert_eq!(stderr, "", "no failure goes unhandled");
    assert_eq!(stdout, include_str!("tour.txt"));
    assert!(output.status.success(), "{}", output.status);
}
