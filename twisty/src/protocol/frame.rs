//! Frames as typed values: what a handler takes, and what it sends.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::error::InvalidFrame;

/// What a handler can take as its frame: `&[u8]`, `&str`, `String`, `Bytes`, numbers, or a type of your own.
///
/// A frame that does not fit ends the connection with [`InvalidFrame`]; take `Result<T, InvalidFrame>` to answer it.
///
/// ```
/// use twisty::protocol::FromFrame;
/// use twisty::{InvalidFrame, prelude::*};
///
/// enum Command<'a> {
///     Get(&'a str),
///     Quit,
/// }
///
/// impl<'a> FromFrame<'a> for Command<'a> {
///     fn from_frame(frame: &'a [u8]) -> Result<Self, InvalidFrame> {
///         match <&str>::from_frame(frame)?.split_once(' ') {
///             Some(("GET", key)) => Ok(Command::Get(key)),
///             None if frame == b"QUIT" => Ok(Command::Quit),
///             _ => Err(InvalidFrame::new("`GET key` or `QUIT`", frame)),
///         }
///     }
/// }
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Store;
///
/// #[protocol]
/// impl Store {
///     #[on(line)]
///     fn obey(&mut self, cx: &Context<Self>, command: Result<Command<'_>, InvalidFrame>) -> Option<String> {
///         match command {
///             Ok(Command::Get(key)) => Some(format!("no {key} here")),
///             Ok(Command::Quit) => {
///                 cx.lose_connection();
///                 None
///             }
///             Err(mistake) => Some(mistake.to_string()),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}`",
    label = "nothing provides a value of this type",
    note = "a handler takes, each at most once: `&Context<Self>`, or of datagrams `&DatagramContext<Self>` and `&Address`; in a state machine the state (`&S`, `&mut S` or `S`); and the frame as `&[u8]`, `&str`, `String`, `Vec<u8>`, `Bytes`, a number, `Result<T, InvalidFrame>` of these, or a type of yours that implements `FromFrame`"
)]
pub trait FromFrame<'a>: Sized {
    /// The value that `frame` stands for.
    ///
    /// # Errors
    /// [`InvalidFrame`] when it stands for none.
    fn from_frame(frame: &'a [u8]) -> Result<Self, InvalidFrame>;
}

impl<'a> FromFrame<'a> for &'a [u8] {
    #[inline]
    fn from_frame(frame: &'a [u8]) -> Result<Self, InvalidFrame> {
        Ok(frame)
    }
}

impl<'a> FromFrame<'a> for &'a str {
    #[inline]
    fn from_frame(frame: &'a [u8]) -> Result<Self, InvalidFrame> {
        std::str::from_utf8(frame).map_err(|_| InvalidFrame::new("UTF-8 text", frame))
    }
}

impl FromFrame<'_> for String {
    fn from_frame(frame: &[u8]) -> Result<Self, InvalidFrame> {
        <&str>::from_frame(frame).map(Self::from)
    }
}

impl FromFrame<'_> for Vec<u8> {
    fn from_frame(frame: &[u8]) -> Result<Self, InvalidFrame> {
        Ok(frame.to_vec())
    }
}

impl FromFrame<'_> for Bytes {
    fn from_frame(frame: &[u8]) -> Result<Self, InvalidFrame> {
        Ok(Self::copy_from_slice(frame))
    }
}

/// The frame, or what is wrong with it: the handler decides.
impl<'a, T: FromFrame<'a>> FromFrame<'a> for Result<T, InvalidFrame> {
    fn from_frame(frame: &'a [u8]) -> Result<Self, InvalidFrame> {
        Ok(T::from_frame(frame))
    }
}

macro_rules! numbers {
    ($expected:literal: $($number:ty)*) => {$(
        /// The number as `str::parse` reads it.
        impl FromFrame<'_> for $number {
            fn from_frame(frame: &[u8]) -> Result<Self, InvalidFrame> {
                let text = std::str::from_utf8(frame).ok();
                let number = text.and_then(|text| text.parse().ok());
                number.ok_or_else(|| InvalidFrame::new(concat!($expected, " (", stringify!($number), ")"), frame))
            }
        }
    )*};
}

numbers!("a whole number": u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
numbers!("a number": f32 f64);

/// What can be sent as a frame: text, bytes, or a type of your own.
///
/// ```
/// use std::borrow::Cow;
/// use twisty::protocol::ToFrame;
///
/// enum Answer {
///     Yes,
///     Perhaps(u8),
/// }
///
/// impl ToFrame for Answer {
///     fn to_frame(&self) -> Cow<'_, [u8]> {
///         match self {
///             Answer::Yes => Cow::Borrowed(b"yes"),
///             Answer::Perhaps(percent) => format!("{percent} %").into_bytes().into(),
///         }
///     }
/// }
///
/// assert_eq!(*Answer::Perhaps(30).to_frame(), *b"30 %");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent",
    label = "neither text nor bytes",
    note = "send `&str`, `String`, `&[u8]`, `Vec<u8>` or `Bytes`; implement `ToFrame` for a type of your own; write a number as `n.to_string()`"
)]
pub trait ToFrame {
    /// The frame's payload, borrowed where it exists already.
    fn to_frame(&self) -> Cow<'_, [u8]>;
}

macro_rules! bytes_or_text {
    ($($sent:ty),*) => {$(
        impl ToFrame for $sent {
            #[inline]
            fn to_frame(&self) -> Cow<'_, [u8]> {
                let bytes: &[u8] = self.as_ref();
                Cow::Borrowed(bytes)
            }
        }
    )*};
}

bytes_or_text!(str, String, [u8], Vec<u8>, Bytes, BytesMut, Box<[u8]>, Rc<[u8]>, Arc<[u8]>);

macro_rules! pointed_at {
    ($($sent:ty),*) => {$(
        impl ToFrame for $sent {
            #[inline]
            fn to_frame(&self) -> Cow<'_, [u8]> {
                Cow::Borrowed(self.as_bytes())
            }
        }
    )*};
}

pointed_at!(Cow<'_, str>, Box<str>, Rc<str>, Arc<str>);

impl ToFrame for Cow<'_, [u8]> {
    #[inline]
    fn to_frame(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self)
    }
}

impl<const N: usize> ToFrame for [u8; N] {
    #[inline]
    fn to_frame(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self)
    }
}

impl<T: ToFrame + ?Sized> ToFrame for &T {
    #[inline]
    fn to_frame(&self) -> Cow<'_, [u8]> {
        (**self).to_frame()
    }
}
