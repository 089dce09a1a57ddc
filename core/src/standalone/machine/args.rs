//! Reading what was handed in, and putting together what is handed out.

use super::super::CallError;
use crate::crdt::Value;
use crate::quorum::{MemberId, TxId};
use std::collections::BTreeMap;

/// A map of arguments.
pub(super) type Args = BTreeMap<String, Value>;

pub(super) fn map<'a>(value: &'a Value, name: &'static str) -> Result<&'a Args, CallError> {
    match value {
        Value::Map(args) => Ok(args),
        _ => Err(CallError::Argument(name)),
    }
}

pub(super) fn field<'a>(args: &'a Args, name: &'static str) -> Result<&'a Value, CallError> {
    args.get(name).ok_or(CallError::Argument(name))
}

pub(super) fn text<'a>(args: &'a Args, name: &'static str) -> Result<&'a str, CallError> {
    match args.get(name) {
        Some(Value::Str(text)) => Ok(text),
        _ => Err(CallError::Argument(name)),
    }
}

/// A text that may be left out or null.
pub(super) fn maybe_text(args: &Args, name: &'static str) -> Result<Option<String>, CallError> {
    match args.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => text(args, name).map(|text| Some(text.to_owned())),
    }
}

pub(super) fn bytes<'a>(args: &'a Args, name: &'static str) -> Result<&'a [u8], CallError> {
    as_bytes(field(args, name)?, name)
}

pub(super) fn as_bytes<'a>(value: &'a Value, name: &'static str) -> Result<&'a [u8], CallError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(CallError::Argument(name)),
    }
}

pub(super) fn list<'a>(args: &'a Args, name: &'static str) -> Result<&'a [Value], CallError> {
    match args.get(name) {
        Some(Value::List(items)) => Ok(items),
        _ => Err(CallError::Argument(name)),
    }
}

/// A whole number that is not negative.
pub(super) fn number(args: &Args, name: &'static str) -> Result<u64, CallError> {
    as_number(field(args, name)?, name)
}

pub(super) fn number_or(args: &Args, name: &'static str, otherwise: u64) -> Result<u64, CallError> {
    args.get(name).map_or(Ok(otherwise), |value| as_number(value, name))
}

pub(super) fn as_number(value: &Value, name: &'static str) -> Result<u64, CallError> {
    match value {
        Value::Int(number) => u64::try_from(*number).map_err(|_| CallError::Argument(name)),
        _ => Err(CallError::Argument(name)),
    }
}

/// A transaction id: 32 hex digits.
pub(super) fn tx(args: &Args) -> Result<TxId, CallError> {
    let text = text(args, "tx")?;
    if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(CallError::Argument("tx"));
    }
    let bits = u128::from_str_radix(text, 16).map_err(|_| CallError::Argument("tx"))?;
    Ok(TxId::from_bytes(bits.to_be_bytes()))
}

pub(super) fn member(args: &Args, name: &'static str) -> Result<MemberId, CallError> {
    MemberId::new(text(args, name)?).map_err(|_| CallError::Argument(name))
}

/// An output: its type and its fields.
pub(super) fn output(kind: &str, fields: Vec<(&str, Value)>) -> Value {
    let mut made: Args = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    made.insert("type".to_owned(), kind.into());
    Value::Map(made)
}

/// The last output: nothing before this time.
pub(super) fn idle(until_ms: Option<u64>) -> Value {
    output("idle", vec![("until", whole_or_null(until_ms))])
}

pub(super) fn whole(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(super) fn whole_or_null(number: Option<u64>) -> Value {
    number.map_or(Value::Null, whole)
}

pub(super) fn texts(items: Vec<String>) -> Value {
    Value::List(items.into_iter().map(Value::Str).collect())
}
