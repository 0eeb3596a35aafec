"""Asks a model one question from Python, by nothing but ctypes and the installed libwhet.
    LD_LIBRARY_PATH=~/.local/lib python3 ask.py MODEL QUESTION"""
import ctypes
import sys

whet = ctypes.CDLL("libwhet.so.0")
for name in ("whet_load", "whet_chat"):
    getattr(whet, name).restype = ctypes.c_void_p
for name in ("whet_error", "whet_answer_text"):
    getattr(whet, name).restype = ctypes.c_char_p


class Message(ctypes.Structure):
    _fields_ = [("role", ctypes.c_char_p), ("content", ctypes.c_char_p)]


model = whet.whet_load(sys.argv[1].encode(), ctypes.c_int32(0), ctypes.c_int64(0))
if not model:
    sys.exit(f"ask: {whet.whet_error().decode()}")
question = Message(b"user", sys.argv[2].encode())
answer = whet.whet_chat(ctypes.c_void_p(model), ctypes.byref(question), ctypes.c_size_t(1), None, None, None)
if not answer:
    sys.exit(f"ask: {whet.whet_error().decode()}")
print(whet.whet_answer_text(ctypes.c_void_p(answer), ctypes.c_size_t(0)).decode())
whet.whet_answer_free(ctypes.c_void_p(answer))
whet.whet_free(ctypes.c_void_p(model))
