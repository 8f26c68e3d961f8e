"""A stream of a new file whose packets are those of another one, as they are."""

from typing import Any


def add_copy(output: Any, template: Any) -> Any:
    """Add a stream like another one.

    Args:
        output: the new container.
        template: a stream of video or sound that is read.
    """
    codec = template.codec_context.codec if template.codec_context else None
    # PyAV looks for an encoder by the decoder's name, and AV1's decoder has none.
    is_only_decoder = codec is not None and codec.name == "libdav1d"
    return output.add_stream_from_template(template, opaque=is_only_decoder or None)
