//! Removes custom sections from a WASM file.
//!
//! A module is an 8-byte header and a row of sections: one byte of kind, the length in LEB128, the content.
//! Kind 0 is a custom section, whose content begins with its name (WebAssembly core specification, 5.5).

use anyhow::{Context, Result, ensure};

const HEADER: &[u8] = b"\0asm\x01\0\0\0";

/// Returns the module without the custom sections of the given names.
///
/// # Errors
/// Fails where the bytes are not a WASM module or end inside a section.
pub(crate) fn without_custom(module: &[u8], names: &[&str]) -> Result<Vec<u8>> {
    ensure!(module.starts_with(HEADER), "not a WASM module of version 1");
    let mut kept = HEADER.to_vec();
    let mut at = HEADER.len();
    while at < module.len() {
        let mut reader = Reader { bytes: module, at: at + 1 };
        let length = reader.leb128()? as usize;
        let content = reader.take(length)?;
        if !(module[at] == 0 && is_named(content, names)) {
            kept.extend_from_slice(&module[at..reader.at]);
        }
        at = reader.at;
    }
    Ok(kept)
}

fn is_named(custom: &[u8], names: &[&str]) -> bool {
    let mut reader = Reader { bytes: custom, at: 0 };
    let name = reader.leb128().and_then(|length| reader.take(length as usize));
    name.is_ok_and(|name| names.iter().any(|n| n.as_bytes() == name))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length);
        let part = end.and_then(|end| self.bytes.get(self.at..end));
        let part = part.with_context(|| format!("the module ends inside the part at {}", self.at))?;
        self.at += length;
        Ok(part)
    }

    fn leb128(&mut self) -> Result<u32> {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).context("a length beyond 32 bits");
            }
        }
        anyhow::bail!("a length of more than five bytes at {}", self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(name: &str, body: &[u8]) -> Vec<u8> {
        let mut section = vec![0, (1 + name.len() + body.len()) as u8, name.len() as u8];
        section.extend_from_slice(name.as_bytes());
        section.extend_from_slice(body);
        section
    }

    #[test]
    fn named_custom_sections_go_and_the_rest_stays_as_it_is() {
        let types = [1, 4, 1, 0x60, 0, 0];
        let other = custom("target_features", b"\x01+mvp");
        let module = [HEADER, &custom("name", b"abc"), &types, &other, &custom("producers", b"")].concat();
        let expected = [HEADER, &types, &other].concat();
        assert_eq!(without_custom(&module, &["name", "producers"]).unwrap(), expected);
    }

    #[test]
    fn damaged_modules_are_refused() {
        assert!(without_custom(b"\0asm\x02\0\0\0", &[]).is_err());
        for section in [&[0, 200][..], &[1, 0x80], &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 1]] {
            let module = [HEADER, section].concat();
            assert!(without_custom(&module, &["name"]).is_err(), "{section:?}");
        }
    }
}
