//! Values: Python objects to the core's values and back.

use pyo3::{
    buffer::{ElementType, PyUntypedBuffer},
    exceptions::{PyOverflowError, PyTypeError, PyValueError},
    ffi,
    prelude::*,
    sync::PyOnceLock,
    types::{PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple},
};
use syncline::{bounds, crdt::Value};

use crate::vector::Vector;

/// Converts a Python object to a value, or says which types can be stored.
pub(crate) fn from_python(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    convert(object, 0)
}

fn convert(object: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth > bounds::DEPTH {
        let limit = bounds::DEPTH;
        return Err(PyValueError::new_err(format!(
            "a value may nest {limit} levels deep; this one is deeper or contains itself"
        )));
    }
    if object.is_none() {
        Ok(Value::Null)
    } else if let Ok(text) = object.cast::<PyString>() {
        Ok(Value::Str(text.to_str()?.to_owned()))
    } else if let Ok(flag) = object.cast::<PyBool>() {
        Ok(Value::Bool(flag.is_true()))
    } else if object.is_instance_of::<PyInt>() {
        integer(object)
    } else if let Ok(number) = object.cast::<PyFloat>() {
        Ok(Value::Float(number.value()))
    } else if let Ok(bytes) = object.cast::<PyBytes>() {
        Ok(Value::Bytes(bytes.as_bytes().to_vec()))
    } else {
        convert_other(object, depth)
    }
}

fn convert_other(object: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    let py = object.py();
    if let Ok(dict) = object.cast::<PyDict>() {
        let entries = dict.iter().map(|(key, value)| entry(&key, &value, depth));
        entries.collect::<PyResult<_>>().map(Value::Map)
    } else if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        let items = object.try_iter()?.map(|item| convert(&item?, depth + 1));
        items.collect::<PyResult<_>>().map(Value::List)
    } else if let Ok(vector) = object.cast::<Vector>() {
        Ok(Value::Vector(vector.get().to_vec()))
    } else if let Ok(instant) = object.cast::<Timestamp>() {
        Ok(Value::Timestamp(instant.get().ms))
    } else if object.is_instance(datetime_class(py)?)? {
        milliseconds(object).map(Value::Timestamp)
    } else if let Ok(bytes) = object.cast::<PyByteArray>() {
        Ok(Value::Bytes(bytes.to_vec()))
    } else if let Some(value) = from_buffer(object)? {
        Ok(value)
    } else if object.hasattr("dtype")? && object.hasattr("item")? {
        convert(&object.call_method0("item")?, depth + 1) // a scalar of numpy
    } else if object.hasattr("__index__")? {
        integer(&object.call_method0("__index__")?)
    } else if let Ok(mapping) = object.cast::<PyMapping>() {
        let entries = mapping.items()?;
        let entries = entries.iter().map(|pair| {
            let (key, value) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            entry(&key, &value, depth)
        });
        entries.collect::<PyResult<_>>().map(Value::Map)
    } else {
        let class = object.get_type().qualname()?;
        Err(PyTypeError::new_err(format!(
            "{class} cannot be stored: use None, bool, int, float, str, bytes, an aware datetime, list, dict, \
             or float32 numbers (syncline.Vector, array('f'), numpy float32)"
        )))
    }
}

fn entry(key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<(String, Value)> {
    let Ok(text) = key.cast::<PyString>() else {
        let class = key.get_type().qualname()?;
        return Err(PyTypeError::new_err(format!("a stored dict has str keys, not {class}: convert them with str()")));
    };
    Ok((text.to_str()?.to_owned(), convert(value, depth + 1)?))
}

fn integer(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    object.extract::<i64>().map(Value::Int).map_err(|error| {
        if error.is_instance_of::<PyOverflowError>(object.py()) {
            PyOverflowError::new_err(
                "an int is stored in 64 bits (-2**63 to 2**63 - 1): store larger ones as str or bytes",
            )
        } else {
            error
        }
    })
}

/// Reads anything with the buffer protocol that has a value's shape; `None` if it has no array as buffer.
pub(crate) fn from_buffer(object: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    let py = object.py();
    // SAFETY: the argument is a live object; the call only looks at its type.
    if unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) } == 0 {
        return Ok(None);
    }
    let Ok(buffer) = PyUntypedBuffer::get(object) else { return Ok(None) };
    let (dimensions, format) = (buffer.dimensions(), buffer.format().to_owned());
    let element = ElementType::from_format(&format);
    match (dimensions, element) {
        (1, ElementType::Float { bytes: 4 }) => Ok(Some(Value::Vector(buffer.as_typed::<f32>()?.to_vec(py)?))),
        (1, ElementType::UnsignedInteger { bytes: 1 }) => Ok(Some(Value::Bytes(buffer.as_typed::<u8>()?.to_vec(py)?))),
        _ => Err(PyTypeError::new_err(format!(
            "a buffer of {dimensions} dimensions and format {format:?} cannot be stored: \
             vectors are one-dimensional float32 (astype('float32'), ravel()), bytes have format 'B'"
        ))),
    }
}

fn datetime_class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || Ok(py.import("datetime")?.getattr("datetime")?.unbind())).map(|class| class.bind(py))
}

fn epoch(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static EPOCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = || {
        let utc = py.import("datetime")?.getattr("timezone")?.getattr("utc")?;
        Ok::<_, PyErr>(datetime_class(py)?.call1((1970, 1, 1, 0, 0, 0, 0, utc))?.unbind())
    };
    EPOCH.get_or_try_init(py, make).map(|epoch| epoch.bind(py))
}

/// Milliseconds since the Unix epoch, rounded down.
fn milliseconds(instant: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = instant.py();
    if instant.call_method0("utcoffset")?.is_none() {
        return Err(PyValueError::new_err(
            "a datetime without a time zone names no instant: use datetime.now(timezone.utc) or .astimezone()",
        ));
    }
    let since = instant.sub(epoch(py)?)?;
    let days: i64 = since.getattr("days")?.extract()?;
    let seconds: i64 = since.getattr("seconds")?.extract()?;
    let micros: i64 = since.getattr("microseconds")?.extract()?;
    Ok((days * 86_400 + seconds) * 1_000 + micros / 1_000)
}

/// Converts a value to the Python object that stands for it.
pub(crate) fn to_python(py: Python<'_>, value: Value) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Null => py.None(),
        Value::Bool(flag) => PyBool::new(py, flag).to_owned().into_any().unbind(),
        Value::Int(number) => number.into_pyobject(py)?.into_any().unbind(),
        Value::Float(number) => PyFloat::new(py, number).into_any().unbind(),
        Value::Str(text) => PyString::new(py, &text).into_any().unbind(),
        Value::Bytes(bytes) => PyBytes::new(py, &bytes).into_any().unbind(),
        Value::Timestamp(ms) => instant(py, ms)?,
        Value::List(items) => list(py, items)?,
        Value::Map(entries) => {
            let dict = PyDict::new(py);
            entries.into_iter().try_for_each(|(key, value)| dict.set_item(key, to_python(py, value)?))?;
            dict.into_any().unbind()
        }
        Value::Vector(items) => Bound::new(py, Vector::from(items))?.into_any().unbind(),
    })
}

/// Converts values to a Python list.
pub(crate) fn list(py: Python<'_>, items: Vec<Value>) -> PyResult<Py<PyAny>> {
    let items = items.into_iter().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, items)?.into_any().unbind())
}

/// An aware datetime in UTC, or a [`Timestamp`] for an instant that datetime cannot say.
fn instant(py: Python<'_>, ms: i64) -> PyResult<Py<PyAny>> {
    static DELTA: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let delta = DELTA.get_or_try_init(py, || Ok::<_, PyErr>(py.import("datetime")?.getattr("timedelta")?.unbind()))?;
    let days = ms.div_euclid(86_400_000);
    let rest = ms.rem_euclid(86_400_000);
    let parts = (days, rest / 1_000, rest % 1_000 * 1_000);
    let moment = delta.bind(py).call1(parts).and_then(|since| epoch(py)?.add(since));
    match moment {
        Ok(moment) => Ok(moment.unbind()),
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
            Ok(Bound::new(py, Timestamp { ms })?.into_any().unbind())
        }
        Err(error) => Err(error),
    }
}

/// An instant outside the years 1 to 9999, in milliseconds since the Unix epoch.
///
/// Other languages can store such instants; reading gives this class instead of a datetime, and writing it back
/// changes nothing.
#[pyclass(frozen, eq, hash, module = "syncline")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Timestamp {
    #[pyo3(get)]
    ms: i64,
}

#[pymethods]
impl Timestamp {
    #[new]
    fn new(ms: i64) -> Self {
        Timestamp { ms }
    }

    fn __repr__(&self) -> String {
        format!("Timestamp({})", self.ms)
    }
}
