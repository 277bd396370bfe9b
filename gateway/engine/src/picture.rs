// SPDX-License-Identifier: EUPL-1.2
//! The picture of somebody as it is shown on other networks: whatever his network has of him, made small and square, and nothing else
//! in it (no metadata, no second frame). Pure; where pictures come from and go to is `portraits.rs`.

use std::{fmt, io::Cursor};

use bytes::Bytes;
use dreiklang_model::PictureHash;
use image::{
    DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder, imageops::FilterType,
    metadata::Orientation,
};
use sha1::{Digest as _, Sha1};

/// Largest file that is looked at.
pub(crate) const LARGEST: usize = 8 * 1024 * 1024;
/// Longest edge, and most memory, of a picture that is opened: more is a bomb.
const LONGEST_EDGE: u32 = 8192;
const MOST_MEMORY: u64 = 128 * 1024 * 1024;
/// Edges that are tried, largest first: about what clients show.
const EDGES: [u32; 4] = [256, 192, 128, 64];
/// What fits, written in base 64, into a stanza of any server.
const SMALL: usize = 40 * 1024;
const QUALITY: u8 = 85;

/// A picture that every network takes: a square PNG or JPEG of at most 40 KiB.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its name.
    pub hash: PictureHash,
    /// Its bytes.
    pub bytes: Bytes,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} bytes)", self.bytes.len())
    }
}

impl Picture {
    /// What `image/…` it is.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        if self.bytes.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" }
    }

    pub(crate) fn new(bytes: Vec<u8>) -> Result<Self, Unfit> {
        let hash: String = Sha1::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { hash: PictureHash::new(&hash).map_err(|_| Unfit::Unwritable)?, bytes: bytes.into() })
    }
}

/// Why something does not become a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("it is no PNG, JPEG or WebP")]
    Unknown,
    #[error("it cannot be opened, or is too large")]
    Unreadable,
    #[error("it cannot be written")]
    Unwritable,
}

/// Makes a file a picture. Takes time and memory: not for a thread that others wait for.
pub(crate) fn fitted(file: &[u8]) -> Result<Picture, Unfit> {
    let format = match image::guess_format(file) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) => format,
        _ => return Err(Unfit::Unknown),
    };
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_EDGE);
    limits.max_image_height = Some(LONGEST_EDGE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(|_| Unfit::Unreadable)?;
    limits.reserve(decoder.total_bytes()).map_err(|_| Unfit::Unreadable)?;
    // What does not say how it is to be held is held as it is.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut opened = DynamicImage::from_decoder(decoder).map_err(|_| Unfit::Unreadable)?;
    opened.apply_orientation(orientation);
    let shortest = opened.width().min(opened.height());
    if shortest == 0 {
        return Err(Unfit::Unreadable);
    }
    let mut smallest = Err(Unfit::Unwritable);
    for edge in EDGES {
        let edge = edge.min(shortest);
        let written = written(&opened.resize_to_fill(edge, edge, FilterType::Triangle))?;
        if written.len() <= SMALL {
            smallest = Picture::new(written);
            break;
        }
    }
    smallest
}

/// As PNG where something can be seen through, else as JPEG.
fn written(picture: &DynamicImage) -> Result<Vec<u8>, Unfit> {
    let mut bytes = Vec::new();
    let transparent = picture.color().has_alpha() && picture.to_rgba8().pixels().any(|pixel| pixel.0[3] < 255);
    let done = if transparent {
        DynamicImage::ImageRgba8(picture.to_rgba8()).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
    } else {
        JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&picture.to_rgb8())
    };
    done.map(|()| bytes).map_err(|_| Unfit::Unwritable)
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    fn file(width: u32, height: u32, alpha: u8, format: ImageFormat) -> Vec<u8> {
        let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).to_le_bytes();
        let picture = RgbaImage::from_fn(width, height, |x, y| Rgba([noise(x, y)[0], noise(x, y)[1], noise(x, y)[2], alpha]));
        let picture = if alpha == 255 { DynamicImage::from(DynamicImage::from(picture).to_rgb8()) } else { picture.into() };
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    #[test]
    fn whatever_comes_is_small_and_square() {
        for (width, height, alpha, format, media_type) in [
            (1000, 600, 255, ImageFormat::Png, "image/jpeg"),
            (600, 1000, 255, ImageFormat::Jpeg, "image/jpeg"),
            (300, 300, 255, ImageFormat::WebP, "image/jpeg"),
            (1000, 600, 100, ImageFormat::Png, "image/png"),
            (3, 7, 255, ImageFormat::Png, "image/jpeg"),
        ] {
            let picture = fitted(&file(width, height, alpha, format)).unwrap();
            assert_eq!(picture.media_type(), media_type);
            assert!(picture.bytes.len() <= SMALL, "{} bytes", picture.bytes.len());
            let again = image::load_from_memory(&picture.bytes).unwrap();
            assert_eq!(again.width(), again.height());
            assert!(again.width() <= EDGES[0]);
            assert_eq!(
                fitted(&file(width, height, alpha, format)).unwrap().hash,
                picture.hash,
                "the same file has the same name"
            );
        }
    }

    /// The same with a note of how the camera was held (Exif 2.3 §4.6.4, tag 0x0112).
    fn held(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let tiff = [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0]].concat();
        let exif = [b"Exif\0\0".as_slice(), &tiff].concat();
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [&jpeg[..2], b"\xff\xe1", &length, &exif, &jpeg[2..]].concat()
    }

    #[test]
    fn a_picture_stands_as_its_camera_was_held() {
        let halves = DynamicImage::from(image::RgbImage::from_fn(64, 64, |x, _| {
            image::Rgb(if x < 32 { [255, 0, 0] } else { [0, 0, 255] })
        }));
        let mut jpeg = Vec::new();
        halves.write_to(&mut Cursor::new(&mut jpeg), ImageFormat::Jpeg).unwrap();
        let red_is = |file: &[u8]| {
            let picture = image::load_from_memory(&fitted(file).unwrap().bytes).unwrap().to_rgb8();
            let red = |x: u32, y: u32| picture.get_pixel(x, y).0[0] > 128;
            [("left", 8, 32), ("right", 56, 32), ("top", 32, 8), ("bottom", 32, 56)].map(|(side, x, y)| (side, red(x, y)))
        };
        let is = |file: &[u8], side: &str| red_is(file).contains(&(side, true));
        assert!(is(&jpeg, "left") && !is(&jpeg, "right"));
        for (orientation, side, other) in [(3, "right", "left"), (6, "top", "bottom"), (8, "bottom", "top")] {
            let file = held(&jpeg, orientation);
            assert!(is(&file, side) && !is(&file, other), "{orientation}: {:?}", red_is(&file));
        }
        assert!(is(&held(&jpeg, 99), "left"), "what makes no sense changes nothing");
    }

    #[test]
    fn bombs_and_other_things_are_refused() {
        assert_eq!(fitted(b"GIF89a\x01\x00\x01\x00"), Err(Unfit::Unknown));
        assert_eq!(fitted(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Err(Unfit::Unknown));
        assert_eq!(fitted(b""), Err(Unfit::Unknown));
        // A few bytes that say that they are 60,000 pixels square: nothing is unpacked.
        let mut bomb = file(1, 1, 255, ImageFormat::Png);
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        assert_eq!(fitted(&bomb), Err(Unfit::Unreadable));
        let whole = file(300, 300, 255, ImageFormat::Png);
        assert_eq!(fitted(&whole[..whole.len() / 8]), Err(Unfit::Unreadable), "half of a file");
    }

    proptest! {
        #[test]
        fn nothing_panics(kind in 0usize..3, noise in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..200) {
            let format = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP][kind];
            let mut bytes = file(16, 16, 255, format);
            let at = at.min(bytes.len());
            bytes.splice(at.., noise);
            let _ = fitted(&bytes);
        }
    }
}
