//! tokio-util has no codec for netstrings: this is one in the manner of its documentation.

use std::fmt::Write;
use std::io::{Error, ErrorKind};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

const LONGEST: usize = 99_999;

pub(super) struct Netstrings;

impl Decoder for Netstrings {
    type Item = BytesMut;
    type Error = Error;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<BytesMut>, Error> {
        let Some((length, head)) = length(src)? else { return Ok(None) };
        let size = head + length + 1;
        if src.len() < size {
            src.reserve(size - src.len());
            return Ok(None);
        }
        if src[size - 1] != b',' {
            return Err(ErrorKind::InvalidData.into());
        }
        src.advance(head);
        let string = src.split_to(length);
        src.advance(1);
        Ok(Some(string))
    }
}

impl Encoder<Bytes> for Netstrings {
    type Error = Error;

    fn encode(&mut self, string: Bytes, dst: &mut BytesMut) -> Result<(), Error> {
        dst.reserve(string.len() + 22);
        write!(dst, "{}:", string.len()).map_err(Error::other)?;
        dst.put(string);
        dst.put_u8(b',');
        Ok(())
    }
}

/// The length of the first string, and how many bytes that takes.
fn length(src: &[u8]) -> Result<Option<(usize, usize)>, Error> {
    let mut length = 0;
    for (at, &byte) in src.iter().enumerate() {
        match byte {
            b'0'..=b'9' if at == 0 || length > 0 => length = length * 10 + usize::from(byte - b'0'),
            b':' if at > 0 => return Ok(Some((length, at + 1))),
            _ => return Err(ErrorKind::InvalidData.into()),
        }
        if length > LONGEST {
            return Err(ErrorKind::InvalidData.into());
        }
    }
    Ok(None)
}
