//! The vectors hold on the Rust core, byte for byte, and a changed byte is noticed.

use std::collections::BTreeSet;
use std::process::Command;

use syncline::crdt::Value;
use syncline_tests::notation;
use syncline_tests::vectors::{file, run};

#[test]
fn every_vector_gives_the_expected_value_digest_and_bytes() {
    let mut names = BTreeSet::new();
    let mut problems = Vec::new();
    for file in file::load_all().expect("vector files are readable") {
        for vector in file.vectors() {
            assert!(names.insert(vector["name"].to_string()), "two vectors named {}", vector["name"]);
            if let Err(problem) = run::check(vector) {
                problems.push(format!("{}: {problem}", vector["name"]));
            }
        }
    }
    assert!(names.len() >= 40, "only {} vectors", names.len());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn one_changed_expected_byte_fails_each_vector() {
    for file in file::load_all().expect("vector files are readable") {
        for vector in file.vectors() {
            let mut vector = vector.clone();
            run::corrupt(&mut vector).expect("a vector expects bytes");
            assert!(run::check(&vector).is_err(), "{} passes with a changed byte", vector["name"]);
        }
    }
}

#[test]
fn the_runner_exits_with_failure_on_a_changed_byte() {
    let exit_of = |options: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_vectors")).args(options).output().expect("the runner starts").status
    };
    assert!(exit_of(&[]).success());
    assert_eq!(exit_of(&["--corrupt"]).code(), Some(1));
}

#[test]
fn notation_reads_back_what_it_writes_and_agrees_with_the_core() {
    let values = [
        Value::Null,
        Value::Int(i64::MIN),
        Value::Int(7),
        Value::Float(0.5),
        Value::Float(-0.0),
        Value::Float(f64::INFINITY),
        Value::Bytes(vec![0, 255, 1]),
        Value::Timestamp(-1),
        Value::Vector(vec![0.5, -1.0, f32::MAX]),
        Value::List(vec![Value::Bool(true), Value::Str("ä".into())]),
    ];
    for value in values {
        let json = notation::write(&value);
        assert_eq!(notation::read(&json).as_ref(), Ok(&value), "{json}");
    }
    for value in
        [Value::Bytes(vec![1, 2]), Value::Timestamp(5), Value::Vector(vec![0.5]), Value::Int(5), Value::Str("x".into())]
    {
        let core = serde_json::to_value(&value).expect("a value has a JSON shape");
        assert_eq!(core, notation::write(&value));
    }
    assert!(matches!(notation::read(&notation::write(&Value::Float(f64::NAN))), Ok(Value::Float(f)) if f.is_nan()));
}
