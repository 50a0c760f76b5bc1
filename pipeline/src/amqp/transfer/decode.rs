//! Fast path for received transfers: the fields are read one by one, without a list of values in between.
//!
//! Owns the encodings that senders of events use; all others go through [`Performative::decode`], the slow path.
//! Does not own: what a transfer does to its link.

use crate::amqp::codec::Error;
use crate::amqp::performatives::{Performative, Transfer};

/// Reads the transfer at the start of a frame's body and returns it with the payload; `None` for another performative.
pub fn decode_transfer(body: &[u8]) -> Result<Option<(Transfer<'_>, &[u8])>, Error> {
    if let Some(decoded) = decode_fast(body) {
        return Ok(Some(decoded));
    }
    Ok(match Performative::decode(body)? {
        (Performative::Transfer(transfer), payload) => Some((transfer, payload)),
        _ => None,
    })
}

/// Reads a transfer in the common encodings; `None` leaves it to the slow path.
fn decode_fast(body: &[u8]) -> Option<(Transfer<'_>, &[u8])> {
    let (bytes, left, payload) = match body {
        [0x00, 0x53, 0x14, 0xc0, size, count, rest @ ..] => {
            let (fields, payload) = rest.split_at_checked(usize::from(*size).checked_sub(1)?)?;
            (fields, u32::from(*count), payload)
        }
        [0x00, 0x53, 0x14, 0xd0, s0, s1, s2, s3, c0, c1, c2, c3, rest @ ..] => {
            let size = u32::from_be_bytes([*s0, *s1, *s2, *s3]) as usize;
            let (fields, payload) = rest.split_at_checked(size.checked_sub(4)?)?;
            (fields, u32::from_be_bytes([*c0, *c1, *c2, *c3]), payload)
        }
        _ => return None,
    };
    // A count that its bytes can't hold is an error, which the slow path reports.
    if left as usize > bytes.len() {
        return None;
    }
    let transfer = Fields { bytes, left }.transfer().ok()??;
    Some((transfer, payload))
}

/// An encoding outside the fast path.
struct Uncommon;

/// The fields of a list; fields after the last one present are null.
struct Fields<'a> {
    bytes: &'a [u8],
    left: u32,
}

impl<'a> Fields<'a> {
    fn transfer(mut self) -> Result<Option<Transfer<'a>>, Uncommon> {
        let Some(handle) = self.uint()? else { return Ok(None) };
        let (delivery_id, delivery_tag) = (self.uint()?, self.binary()?);
        let (message_format, settled) = (self.uint()?, self.bool()?);
        let more = self.bool()?.unwrap_or(false);
        self.null_or_ubyte()?;
        self.null()?;
        self.bool()?;
        let aborted = self.bool()?.unwrap_or(false);
        Ok(Some(Transfer { handle, delivery_id, delivery_tag, message_format, settled, more, aborted }))
    }

    fn code(&mut self) -> Result<u8, Uncommon> {
        if self.left == 0 {
            return Ok(NULL);
        }
        self.left -= 1;
        self.take::<1>().map(|[code]| code)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Uncommon> {
        let (head, rest) = self.bytes.split_first_chunk().ok_or(Uncommon)?;
        self.bytes = rest;
        Ok(*head)
    }

    fn uint(&mut self) -> Result<Option<u32>, Uncommon> {
        match self.code()? {
            NULL => Ok(None),
            0x43 => Ok(Some(0)),
            0x52 => self.take().map(|[number]| Some(u32::from(number))),
            0x70 => self.take().map(|bytes| Some(u32::from_be_bytes(bytes))),
            _ => Err(Uncommon),
        }
    }

    fn bool(&mut self) -> Result<Option<bool>, Uncommon> {
        match self.code()? {
            NULL => Ok(None),
            0x41 => Ok(Some(true)),
            0x42 => Ok(Some(false)),
            _ => Err(Uncommon),
        }
    }

    fn binary(&mut self) -> Result<Option<&'a [u8]>, Uncommon> {
        match self.code()? {
            NULL => Ok(None),
            0xa0 => {
                let [length] = self.take()?;
                let (bytes, rest) = self.bytes.split_at_checked(length.into()).ok_or(Uncommon)?;
                self.bytes = rest;
                Ok(Some(bytes))
            }
            _ => Err(Uncommon),
        }
    }

    fn null_or_ubyte(&mut self) -> Result<(), Uncommon> {
        match self.code()? {
            NULL => Ok(()),
            0x50 => self.take::<1>().map(drop),
            _ => Err(Uncommon),
        }
    }

    fn null(&mut self) -> Result<(), Uncommon> {
        if self.code()? == NULL { Ok(()) } else { Err(Uncommon) }
    }
}

const NULL: u8 = 0x40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::performatives::Flow;

    /// Checks that both paths agree, and whether the fast path applies.
    #[track_caller]
    fn check(body: &[u8], is_fast: bool) {
        assert_eq!(decode_fast(body).is_some(), is_fast, "{body:02x?}");
        match (decode_transfer(body), Performative::decode(body)) {
            (Ok(Some((transfer, payload))), Ok((Performative::Transfer(expected), rest))) => {
                assert_eq!((transfer, payload), (expected, rest), "{body:02x?}");
            }
            (Ok(None), Ok((other, _))) => assert!(!matches!(other, Performative::Transfer(_))),
            (Err(error), Err(expected)) => assert_eq!(error, expected),
            (fast, slow) => panic!("{body:02x?}: {fast:?}, but {slow:?}"),
        }
    }

    #[test]
    fn fast_path_agrees_with_slow_path() {
        for (handle, id, tag) in
            [(0, Some(0), Some(&b"t"[..])), (255, Some(70_000), None), (300, None, Some(b""))]
        {
            for (settled, more, aborted) in
                [(None, false, false), (Some(true), true, false), (Some(false), false, true)]
            {
                let transfer = Transfer {
                    handle,
                    delivery_id: id,
                    delivery_tag: tag,
                    message_format: Some(0),
                    settled,
                    more,
                    aborted,
                };
                let mut body = Vec::new();
                transfer.encode(&mut body);
                body.extend_from_slice(b"payload");
                check(&body, true);
                for end in 0..body.len() - 7 {
                    check(&body[..end], false);
                }
            }
        }
        // Short lists, as most peers write them, and encodings that only the slow path reads.
        check(&[0x00, 0x53, 0x14, 0xc0, 2, 1, 0x43, 7], true);
        check(&[0x00, 0x53, 0x14, 0xc0, 6, 3, 0x43, 0x43, 0xa0, 1, 9, 7], true);
        check(&[0x00, 0x53, 0x14, 0xc0, 3, 1, 0x53, 1, 7], false);
        check(&[0x00, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x14, 0xc0, 2, 1, 0x43, 7], false);
        check(&[0x00, 0x53, 0x14, 0x45], false);
        check(&[0x00, 0x53, 0x14, 0xc0, 0, 0], false);
        // A count beyond the bytes of the list: found by fuzzing.
        check(&[0x00, 0x53, 0x14, 0xc0, 11, 11, 0x43, 64, 64, 64, 64, 64, 64, 64, 64, 64, 7], false);
        check(&[0x00, 0x53, 0x14, 0xc0, 2, 2, 0x43, 7], false);
        let mut flow = Vec::new();
        Flow::default().encode(&mut flow);
        check(&flow, false);
    }
}
