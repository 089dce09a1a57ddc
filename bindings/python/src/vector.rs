//! The class `Vector`: packed float32 numbers that Python reads without a copy.

use std::{ffi::CStr, os::raw::c_int, sync::Arc};

use pyo3::{
    exceptions::{PyBufferError, PyIndexError},
    ffi,
    prelude::*,
    types::{PyBool, PyFloat, PyIterator, PyList, PySlice},
};
use syncline::crdt::Value;

use crate::value::from_buffer;

const FLOAT32: &CStr = c"f";
/// Bytes of one element of a vector.
const FLOAT32_BYTES: ffi::Py_ssize_t = 4;

/// A packed, unchangeable vector of float32 numbers.
///
/// It supports the buffer protocol: `memoryview(v)` and `numpy.frombuffer(v, dtype="float32")` read it without a
/// copy. Two vectors are equal if their bits are.
#[pyclass(frozen, sequence, module = "syncline")]
pub(crate) struct Vector {
    items: Arc<[f32]>,
}

impl Vector {
    /// Copies little-endian numbers of four bytes each.
    pub(crate) fn from_le_bytes(bytes: &[u8]) -> Self {
        let number = |four: &[u8]| four.try_into().map_or(0.0, f32::from_le_bytes);
        Vector { items: bytes.chunks_exact(4).map(number).collect() }
    }

    pub(crate) fn to_vec(&self) -> Vec<f32> {
        self.items.to_vec()
    }
}

impl From<Vec<f32>> for Vector {
    fn from(items: Vec<f32>) -> Self {
        Vector { items: items.into() }
    }
}

#[pymethods]
impl Vector {
    #[new]
    fn new(items: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(vector) = items.cast::<Vector>() {
            return Ok(Vector { items: vector.get().items.clone() });
        }
        if let Some(Value::Vector(items)) = from_buffer(items)? {
            return Ok(Vector { items: items.into() });
        }
        let numbers = items.try_iter()?.map(|item| item?.extract::<f32>());
        Ok(Vector { items: numbers.collect::<PyResult<Vec<_>>>()?.into() })
    }

    fn __len__(&self) -> usize {
        self.items.len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let length = self.items.len() as isize;
        if let Ok(slice) = index.cast::<PySlice>() {
            let range = slice.indices(length)?;
            let picked = (0..range.slicelength)
                .filter_map(|i| self.items.get((range.start + range.step * i as isize) as usize).copied());
            return Ok(Bound::new(py, Vector { items: picked.collect() })?.into_any());
        }
        let index: isize = index.extract()?;
        let place = if index < 0 { index + length } else { index };
        let item = usize::try_from(place).ok().and_then(|place| self.items.get(place));
        let item = item.ok_or_else(|| PyIndexError::new_err("vector index out of range"))?;
        Ok(PyFloat::new(py, f64::from(*item)).into_any())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.items.iter().copied())?.try_iter()
    }

    /// The numbers as a list of float.
    fn tolist(&self) -> Vec<f32> {
        self.items.to_vec()
    }

    fn __eq__<'py>(&self, py: Python<'py>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let same = if let Ok(vector) = other.cast::<Vector>() {
            same_bits(&self.items, &vector.get().items)
        } else if let Ok(Some(Value::Vector(items))) = from_buffer(other) {
            same_bits(&self.items, &items)
        } else {
            return Ok(py.NotImplemented().into_bound(py));
        };
        Ok(PyBool::new(py, same).to_owned().into_any())
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.items.iter().for_each(|item| item.to_bits().hash(&mut hasher));
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let shown: Vec<_> = self.items.iter().take(8).map(|item| format!("{item:?}")).collect();
        let more = if self.items.len() > shown.len() { ", ..." } else { "" };
        format!("Vector([{}{more}], len={})", shown.join(", "), self.items.len())
    }

    /// # Safety
    /// Called by Python with a view to fill in; the view keeps this object alive, and its items never move.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view to fill in"));
        }
        let vector = slf.get();
        let bytes = vector.items.len() as ffi::Py_ssize_t * FLOAT32_BYTES;
        // SAFETY: the pointer and the length are those of the vector's own memory, which lives as long as the object
        // that the filled view references. Python checks a request for writing against the read-only mark.
        unsafe {
            let data = vector.items.as_ptr().cast_mut().cast();
            if ffi::PyBuffer_FillInfo(view, slf.as_ptr(), data, bytes, 1, flags) != 0 {
                return Err(PyErr::fetch(slf.py()));
            }
            (*view).itemsize = FLOAT32_BYTES;
            if flags & ffi::PyBUF_FORMAT == ffi::PyBUF_FORMAT {
                (*view).format = FLOAT32.as_ptr().cast_mut();
            }
            if !(*view).shape.is_null() {
                // The shape must outlive this call: released together with the view.
                let shape = Box::into_raw(Box::new(vector.items.len() as ffi::Py_ssize_t));
                (*view).shape = shape;
                (*view).internal = shape.cast();
            }
        }
        Ok(())
    }

    /// # Safety
    /// Called by Python once for each view that `__getbuffer__` filled in.
    unsafe fn __releasebuffer__(&self, view: *mut ffi::Py_buffer) {
        // SAFETY: `internal` is null or the box made for this view.
        unsafe {
            if !(*view).internal.is_null() {
                drop(Box::from_raw((*view).internal.cast::<ffi::Py_ssize_t>()));
                (*view).internal = std::ptr::null_mut();
            }
        }
    }
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}
