//! Conversion of values, in a real JavaScript engine: each value must come back as it went in.
#![cfg(target_arch = "wasm32")]

use std::collections::BTreeMap;

use js_sys::{Object, Reflect};
use syncline::crdt::Value;
use syncline_js::{from_js, to_js};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

fn message(value: &JsValue) -> String {
    let error = from_js(value).expect_err("the value must be refused");
    let text = Reflect::get(&error, &"message".into()).expect("an error has a message");
    text.as_string().unwrap_or_default()
}

#[wasm_bindgen_test]
fn every_kind_of_value_survives_both_ways() {
    let nested = BTreeMap::from([
        ("a".to_owned(), Value::Null),
        ("__proto__".to_owned(), Value::Int(1)),
        (String::new(), Value::List(vec![])),
    ]);
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Int(0),
        Value::Int((1 << 53) - 1),
        Value::Int(1 - (1 << 53)),
        Value::Int(1 << 53),
        Value::Int(i64::MAX),
        Value::Int(i64::MIN),
        Value::Float(0.1),
        Value::Float(1e300),
        Value::Float(f64::NEG_INFINITY),
        Value::Str("é😀\0".to_owned()),
        Value::Bytes(vec![0, 255]),
        Value::Timestamp(-1),
        Value::Vector(vec![1.5, f32::MIN]),
        Value::List(vec![Value::Int(1), Value::List(vec![Value::Bool(false)])]),
        Value::Map(nested),
    ];
    for value in values {
        assert_eq!(from_js(&to_js(&value)), Ok(value));
    }
}

#[wasm_bindgen_test]
fn only_safe_integers_become_integers() {
    let cases = [
        (5.0, Value::Int(5)),
        (-0.0, Value::Float(-0.0)),
        (0.5, Value::Float(0.5)),
        (9_007_199_254_740_992.0, Value::Float(9_007_199_254_740_992.0)),
    ];
    for (number, expected) in cases {
        let value = from_js(&JsValue::from_f64(number)).expect("a number is a value");
        assert_eq!(value.to_cbor(), expected.to_cbor(), "{number}");
    }
    assert!(matches!(from_js(&JsValue::from_f64(f64::NAN)), Ok(Value::Float(number)) if number.is_nan()));
}

#[wasm_bindgen_test]
fn integers_are_numbers_while_numbers_can_hold_them() {
    assert_eq!(to_js(&Value::Int((1 << 53) - 1)).as_f64(), Some(9_007_199_254_740_991.0));
    assert!(to_js(&Value::Int(1 << 53)).is_bigint());
}

#[wasm_bindgen_test]
fn what_is_no_value_is_refused_with_advice() {
    assert!(message(&JsValue::UNDEFINED).contains("null"));
    assert!(message(&JsValue::symbol(None)).contains("symbols"));
    assert!(message(&js_sys::Map::new().into()).contains("plain objects"));
    assert!(message(&js_sys::Date::new(&JsValue::from_f64(f64::NAN)).into()).contains("Date"));
    let huge = JsValue::bigint_from_str("9223372036854775808");
    assert!(message(&huge).contains("64 bits"));
}

#[wasm_bindgen_test]
fn a_value_that_contains_itself_is_refused() {
    let object = Object::new();
    Reflect::set(&object, &"self".into(), &object).expect("a plain object takes properties");
    assert!(message(&object).contains("contains itself"));
}

#[wasm_bindgen_test]
fn undefined_properties_are_left_out() {
    let object = Object::new();
    Reflect::set(&object, &"a".into(), &JsValue::UNDEFINED).expect("a plain object takes properties");
    assert_eq!(from_js(&object), Ok(Value::Map(BTreeMap::new())));
}
