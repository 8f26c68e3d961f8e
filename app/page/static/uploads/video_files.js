// Which files the page offers to choose: the list of `model/video/file_names.py`, held
// against it by a test, for browsers know few of these types by themselves.

export const VIDEO_FILES =
  "video/*,.mp4,.m4v,.mov,.qt,.mkv,.webm,.ts,.mts,.m2ts,.avi,.3gp,.3g2";
