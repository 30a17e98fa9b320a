// The first process of every sandbox: it keeps the pod's namespaces alive, reaps orphans when the
// pod shares one process id namespace, and ends when asked to. It has no libc, because it is
// mapped once a pod.

namespace {

constexpr int sig_int = 2;
constexpr int sig_term = 15;
constexpr int sig_chld = 17;
constexpr long sig_block = 0;
constexpr long w_nohang = 1;

#if defined(__x86_64__)
constexpr long nr_wait4 = 61;
constexpr long nr_sigprocmask = 14;
constexpr long nr_sigtimedwait = 128;
constexpr long nr_exit_group = 231;

long call(long nr, long a, long b, long c, long d) {
  long result;
  register long r10 asm("r10") = d;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
constexpr long nr_wait4 = 260;
constexpr long nr_sigprocmask = 135;
constexpr long nr_sigtimedwait = 137;
constexpr long nr_exit_group = 94;

long call(long nr, long a, long b, long c, long d) {
  register long x8 asm("x8") = nr;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
#else
#error "pause knows x86-64 and arm64"
#endif

} // namespace

extern "C" [[noreturn]] void _start() {
  // Blocked signals queue even for the first process of a namespace, whose unhandled ones the
  // kernel drops; so waiting for them needs no handlers.
  unsigned long set = 1UL << (sig_int - 1) | 1UL << (sig_term - 1) | 1UL << (sig_chld - 1);
  call(nr_sigprocmask, sig_block, reinterpret_cast<long>(&set), 0, sizeof(set));
  for (;;) {
    const long signal = call(nr_sigtimedwait, reinterpret_cast<long>(&set), 0, 0, sizeof(set));
    if (signal == sig_int || signal == sig_term)
      break;
    while (call(nr_wait4, -1, 0, w_nohang, 0) > 0) {
    }
  }
  for (;;)
    call(nr_exit_group, 0, 0, 0, 0);
}
