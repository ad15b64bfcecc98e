//! Pictures are told by what their bytes say, decoded whole and written anew: what is stored is a picture and nothing
//! else, without what the camera noted.

use image::{
    AnimationDecoder, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
    codecs::{
        gif::{GifDecoder, GifEncoder, Repeat},
        jpeg::JpegEncoder,
    },
    imageops::FilterType,
    metadata::Orientation,
};
use std::io::Cursor;

/// Longest side of a picture that is looked at, in pixels.
const SIDE_MAX: u32 = 16_384;
/// Most pixels of a picture that is looked at.
const PIXELS_MAX: u64 = 32 * 1_024 * 1_024;
/// Most bytes that decoding may take in memory.
const DECODING_BYTES_MAX: u64 = 192 * 1_024 * 1_024;
/// Most pixels of all frames of a moving picture together.
const MOVING_PIXELS_MAX: u64 = 64 * 1_024 * 1_024;
/// Most frames of a moving picture.
const FRAMES_MAX: usize = 300;
/// Quality of what is written as JPEG, of 100.
const QUALITY: u8 = 88;

/// What a picture is for decides what it may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Longest side of what is stored, in pixels.
    pub(super) side_max: u32,
    /// Larger ones are made smaller; otherwise they are refused.
    pub(super) shrinks: bool,
    /// It may move.
    pub(super) moves: bool,
}

/// A picture that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// It is none, or of a kind that is not taken.
    #[error("a picture is JPEG, PNG or WebP")]
    Kind,
    /// It is too large.
    #[error("the picture has too many pixels")]
    Pixels,
    /// It cannot be read to its end.
    #[error("the picture is damaged")]
    Damaged,
}

impl From<ImageError> for PictureError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::Pixels,
            _ => Self::Damaged,
        }
    }
}

/// The picture written anew, and its media type. Takes time: for threads that may block.
pub(super) fn renew(bytes: &[u8], rules: Rules) -> Result<(Vec<u8>, &'static str), PictureError> {
    let format = match infer::get(bytes).map(|kind| kind.mime_type()) {
        Some("image/jpeg") => ImageFormat::Jpeg,
        Some("image/png") => ImageFormat::Png,
        Some("image/webp") => ImageFormat::WebP,
        Some("image/gif") if rules.moves => return moving(bytes, rules).map(|bytes| (bytes, "image/gif")),
        _ => return Err(PictureError::Kind),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    check(width, height, rules)?;
    // What says nothing of it is upright.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    if width.max(height) > rules.side_max {
        picture = picture.resize(rules.side_max, rules.side_max, FilterType::CatmullRom);
    }
    let mut renewed = Cursor::new(Vec::new());
    if format == ImageFormat::Png || picture.color().has_alpha() {
        DynamicImage::ImageRgba8(picture.into_rgba8()).write_to(&mut renewed, ImageFormat::Png)?;
        return Ok((renewed.into_inner(), "image/png"));
    }
    JpegEncoder::new_with_quality(&mut renewed, QUALITY).encode_image(&picture.into_rgb8())?;
    Ok((renewed.into_inner(), "image/jpeg"))
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODING_BYTES_MAX);
    limits
}

/// Looked at before anything is decoded: a few bytes can claim any size.
fn check(width: u32, height: u32, rules: Rules) -> Result<(), PictureError> {
    let pixels = u64::from(width) * u64::from(height);
    let too_wide = !rules.shrinks && width.max(height) > rules.side_max;
    if width == 0 || height == 0 {
        Err(PictureError::Damaged)
    } else if pixels > PIXELS_MAX || too_wide {
        Err(PictureError::Pixels)
    } else {
        Ok(())
    }
}

/// Frame by frame, so that one is in memory at a time.
fn moving(bytes: &[u8], rules: Rules) -> Result<Vec<u8>, PictureError> {
    let mut decoder = GifDecoder::new(Cursor::new(bytes))?;
    decoder.set_limits(limits())?;
    let (width, height) = decoder.dimensions();
    check(width, height, Rules { shrinks: false, ..rules })?;
    let pixels = u64::from(width) * u64::from(height);
    let mut renewed = Vec::new();
    {
        let mut encoder = GifEncoder::new_with_speed(&mut renewed, 20);
        encoder.set_repeat(Repeat::Infinite)?;
        for (done, frame) in decoder.into_frames().enumerate() {
            let so_far = pixels.saturating_mul(u64::try_from(done).unwrap_or(u64::MAX).saturating_add(1));
            if done >= FRAMES_MAX || so_far > MOVING_PIXELS_MAX {
                return Err(PictureError::Pixels);
            }
            encoder.encode_frame(frame?)?;
        }
    }
    Ok(renewed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    const PROFILE: Rules = Rules { side_max: 64, shrinks: true, moves: false };
    const TEMPLATE: Rules = Rules { side_max: 128, shrinks: false, moves: true };

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let pixels = RgbImage::from_fn(width, height, |x, _| Rgb([u8::try_from(x % 256).unwrap(), 20, 200]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(pixels).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn size(bytes: &[u8]) -> (u32, u32) {
        image::load_from_memory(bytes).map(|picture| (picture.width(), picture.height())).unwrap()
    }

    #[test]
    fn pictures_are_written_anew_and_made_smaller() {
        for (format, kind) in [
            (ImageFormat::Jpeg, "image/jpeg"),
            (ImageFormat::Png, "image/png"),
            (ImageFormat::WebP, "image/jpeg"),
        ] {
            let (renewed, told) = renew(&picture(100, 50, format), PROFILE).unwrap();
            assert_eq!((told, size(&renewed)), (kind, (64, 32)), "{format:?}");
        }
        let gif = picture(20, 10, ImageFormat::Gif);
        let (renewed, told) = renew(&gif, TEMPLATE).unwrap();
        assert_eq!((told, size(&renewed)), ("image/gif", (20, 10)));
        assert_eq!(renew(&gif, PROFILE), Err(PictureError::Kind));
        assert_eq!(renew(&picture(129, 8, ImageFormat::Png), TEMPLATE), Err(PictureError::Pixels));
    }

    #[test]
    fn what_hides_behind_or_within_a_picture_is_gone() {
        let script = b"<script>alert(1)</script>";
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif] {
            let mut polyglot = picture(20, 10, format);
            polyglot.extend_from_slice(script);
            let (renewed, _) = renew(&polyglot, TEMPLATE).unwrap();
            assert!(!renewed.windows(script.len()).any(|part| part == script), "{format:?}");
        }
        let mut noted = vec![0xff, 0xd8, 0xff, 0xe1, 0x00, 0x1a];
        noted.extend_from_slice(b"Exif\0\0GPS 52.5N 13.4E 2026");
        noted.truncate(4 + 0x1a);
        noted.extend_from_slice(&picture(20, 10, ImageFormat::Jpeg)[2..]);
        let (renewed, _) = renew(&noted, PROFILE).unwrap();
        assert!(!renewed.windows(3).any(|part| part == b"GPS"), "what the camera noted stays behind");
    }

    #[test]
    fn what_is_no_picture_claims_too_much_or_breaks_off_is_refused() {
        let svg = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>"#;
        for bytes in [&b""[..], b"hello", svg, b"%PDF-1.7", b"BM\0\0\0\0"] {
            assert_eq!(renew(bytes, TEMPLATE), Err(PictureError::Kind), "{bytes:?}");
        }
        let mut huge = picture(20, 10, ImageFormat::Png);
        huge[16..24].copy_from_slice(&[0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff]);
        let mut checksum = flate_crc(&huge[12..29]).to_be_bytes().to_vec();
        huge.splice(29..33, checksum.drain(..));
        assert_eq!(renew(&huge, PROFILE), Err(PictureError::Pixels), "16383 pixels square in 100 bytes");
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            let whole = picture(60, 60, format);
            assert_eq!(renew(&whole[..whole.len() / 2], PROFILE), Err(PictureError::Damaged), "{format:?}");
        }
    }

    /// The checksum of a chunk of PNG.
    fn flate_crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    }
}
