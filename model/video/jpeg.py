"""JPEG files of our own pictures; reads none."""

from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange

from model.video.picture import Image

QUALITY = 4
"""FFmpeg's quantiser, 2 (best) to 31: edges stay clean at a tenth of a byte a pixel."""


def encode_jpeg(image: Image, *, quality: int = QUALITY) -> bytes:
    """Encode (H, W, 3) uint8 RGB as a baseline JPEG with 4:2:0 colour."""
    height, width = image.shape[:2]
    encoder = av.CodecContext.create("mjpeg", "w")
    if not isinstance(encoder, VideoCodecContext):
        raise TypeError("FFmpeg's mjpeg is an encoder of video")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
    encoder.qmin = encoder.qmax = quality
    encoder.thread_count = 1
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    frame = picture.reformat(format="yuvj420p", dst_color_range=ColorRange.JPEG)
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
