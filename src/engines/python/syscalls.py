"""Numbers of the system calls that the filter speaks of, and why each is refused."""

from __future__ import annotations

# name, number on x86_64, number on aarch64 (- where there is none). From the kernel's own tables.
_NUMBERS = '''
ptrace 101 117 process_vm_readv 310 270 process_vm_writev 311 271 kcmp 312 272 pidfd_getfd 438 438
process_madvise 440 440 process_mrelease 448 448 pidfd_send_signal 424 424
mount 165 40 umount2 166 39 pivot_root 155 41 chroot 161 51 fsopen 430 430 fsconfig 431 431 fsmount 432 432
fspick 433 433 move_mount 429 429 open_tree 428 428 mount_setattr 442 442 statmount 457 457 listmount 458 458
unshare 272 97 setns 308 268 clone 56 220 clone3 435 435
bpf 321 280 perf_event_open 298 241 userfaultfd 323 282 io_uring_setup 425 425 io_uring_enter 426 426
io_uring_register 427 427 keyctl 250 219 add_key 248 217 request_key 249 218
kexec_load 246 104 kexec_file_load 320 294 init_module 175 105 finit_module 313 273 delete_module 176 106
create_module 174 - get_kernel_syms 177 - query_module 178 - reboot 169 142 swapon 167 224 swapoff 168 225
sethostname 170 161 setdomainname 171 162 settimeofday 164 170 clock_settime 227 112 clock_adjtime 305 266
adjtimex 159 171 iopl 172 - ioperm 173 - modify_ldt 154 - uselib 134 - ustat 136 - sysfs 139 - _sysctl 156 -
nfsservctl 180 42 lookup_dcookie 212 18 quotactl 179 60 quotactl_fd 443 443 acct 163 89 syslog 103 116
vhangup 153 58 name_to_handle_at 303 264 open_by_handle_at 304 265 fanotify_init 300 262 fanotify_mark 301 263
move_pages 279 239 migrate_pages 256 238 personality 135 92 prctl 157 167 ioctl 16 29
lsm_set_self_attr 460 460 capset 126 91 mseal 462 462
setuid 105 146 setgid 106 144 setreuid 113 145 setregid 114 143 setgroups 116 159 setresuid 117 147
setresgid 119 149 setfsuid 122 151 setfsgid 123 152
prlimit64 302 261 setpriority 141 140 sched_setscheduler 144 119 sched_setparam 142 118 sched_setattr 314 274
sched_setaffinity 203 122 ioprio_set 251 30
socket 41 198 socketpair 53 199 connect 42 203 bind 49 200 listen 50 201 accept 43 202 accept4 288 242
sendto 44 206 execve 59 221 execveat 322 281 memfd_create 319 279 memfd_secret 447 447 seccomp 317 277
shmget 29 194 shmat 30 196 shmctl 31 195 semget 64 190 semop 65 193 semctl 66 191 semtimedop 220 192
msgget 68 186 msgsnd 69 189 msgrcv 70 188 msgctl 71 187
mq_open 240 180 mq_unlink 241 181 mq_timedsend 242 182 mq_timedreceive 243 183 mq_notify 244 184
mq_getsetattr 245 185 inotify_init 253 - inotify_init1 294 26 inotify_add_watch 254 27
chmod 90 - fchmodat 268 53 fchmodat2 452 452 chown 92 - lchown 94 - fchownat 260 54
setxattr 188 5 lsetxattr 189 6 removexattr 197 14 lremovexattr 198 15
'''.split()
MACHINES = ('x86_64', 'aarch64')

# Into other processes, the machine itself, other namespaces, or parts of the kernel with a long record of flaws.
NEVER = '''
ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease pidfd_send_signal
mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount open_tree mount_setattr statmount listmount
unshare setns bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register keyctl add_key
request_key kexec_load kexec_file_load init_module finit_module delete_module create_module get_kernel_syms
query_module reboot swapon swapoff sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex iopl
ioperm modify_ldt uselib ustat sysfs _sysctl nfsservctl lookup_dcookie quotactl quotactl_fd acct syslog vhangup
name_to_handle_at open_by_handle_at fanotify_init fanotify_mark move_pages migrate_pages lsm_set_self_attr capset
setuid setgid setreuid setregid setgroups setresuid setresgid setfsuid setfsgid seccomp memfd_secret
'''.split()
# Memory that outlives the process or that no limit counts, and a view of folders that Landlock does not govern.
UNCOUNTED = '''
shmget shmat shmctl semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend
mq_timedreceive mq_notify mq_getsetattr inotify_init inotify_init1 inotify_add_watch
'''.split()
NETWORK = 'socket connect bind listen accept accept4'.split()
# An anonymous file in memory is a program that no path leads to.
PROGRAMS = 'execve execveat memfd_create'.split()
# By path, on files of the same owner: neither Landlock nor the mode stops these when the uid is shared.
SAME_OWNER = '''
chmod fchmodat fchmodat2 chown lchown fchownat setxattr lsetxattr removexattr lremovexattr
'''.split()


def numbers(machine: str) -> dict[str, int]:
    """Name -> number on this machine; calls that it does not have are left out."""
    column = 1 + MACHINES.index(machine)
    rows = [_NUMBERS[place:place + 3] for place in range(0, len(_NUMBERS), 3)]
    return {row[0]: int(row[column]) for row in rows if row[column] != '-'}
