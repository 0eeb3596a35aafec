// Scratch memory for kernels: 64-byte aligned, uninitialised, grows and never shrinks.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace whet {

template <typename T>
class AlignedBuffer {
 public:
  /// At least n elements; the content is lost when it has to grow.
  T* reserve(size_t n) {
    if (n > capacity_) {
      data_.reset();
      data_.reset(static_cast<T*>(::operator new(n * sizeof(T), kAlignment)));
      capacity_ = n;
    }
    return data_.get();
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Delete {
    void operator()(T* p) const { ::operator delete(p, kAlignment); }
  };
  std::unique_ptr<T, Delete> data_;
  size_t capacity_ = 0;
};

}  // namespace whet
