import { expect } from 'chai';
import { escapeSuite, refusals } from './support/escape-world.js';

const signal = (pid: number, number = 9) => `attempt(lambda: os.kill(${pid}, ${number}))`;

describe('escape: processes', () => {
  const get = escapeSuite();

  refusals(get, {
    'does not kill the server': () => signal(process.pid),
    'does not even ask whether the server lives': () => signal(process.pid, 0),
    'does not kill the zygote': ({ target }) => signal(target.zygote),
    'does not kill the kernel of another session': ({ target }) => signal(target.pid),
    'does not kill the process group of another session': ({ target }) => signal(-target.pid),
    'does not signal by a descriptor of a process': ({ target }) => {
      return `fd = os.pidfd_open(${target.pid}); call(424, fd, 9, 0, 0)`;
    },
    'does not signal a thread of another session': ({ target }) => `call(200, ${target.pid}, 9)`,
    'does not queue a signal to another session': ({ target }) =>
      `info = (ctypes.c_int * 32)(9, 0, -1); call(129, ${target.pid}, 9, info)`,
    'does not trace the server': () => `call(101, 16, ${process.pid}, 0, 0)`,
    'does not trace the kernel of another session': ({ target }) => `call(101, 0x4206, ${target.pid}, 0, 0)`,
    'does not read the memory of another session': ({ target }) =>
      `buffer = ctypes.create_string_buffer(64); call(310, ${target.pid}, buffer, 1, buffer, 1, 0)`,
    'does not write the memory of the server': () =>
      `buffer = ctypes.create_string_buffer(64); call(311, ${process.pid}, buffer, 1, buffer, 1, 0)`,
    'does not take descriptors of the server': () => `call(438, os.pidfd_open(${process.pid}), 0, 0)`,
    'does not compare itself with another process': ({ target }) =>
      `call(312, os.getpid(), ${target.pid}, 0, 0, 0)`,
    'does not read the environment of the server': () =>
      `attempt(lambda: open('/proc/${process.pid}/environ').read())`,
    'does not read the command line of the server': () =>
      `attempt(lambda: open('/proc/${process.pid}/cmdline').read())`,
    'does not list the processes of the machine': () => `attempt(lambda: os.listdir('/proc'))`,
    'does not reach files by the root of another process': ({ target }) =>
      `attempt(lambda: os.listdir('/proc/${target.pid}/root${target.workspace}'))`,
    'does not reach files by the folder of another process': ({ target }) =>
      `attempt(lambda: os.listdir('/proc/${target.pid}/cwd'))`,
    'does not reach files by the root of the zygote': ({ target, dataDir }) =>
      `attempt(lambda: open('/proc/${target.zygote}/root${dataDir}/token').read())`,
    'does not open the memory of another process': ({ target }) =>
      `attempt(lambda: open('/proc/${target.pid}/mem', 'r+b'))`,
    'does not open its own memory': () => `attempt(lambda: open('/proc/self/mem', 'r+b'))`,
    'does not open its own descriptors anew': () =>
      `attempt(lambda: [os.open('/proc/self/fd/%d' % n, 2) for n in range(3, 9)])`,
    'does not become root': () => `attempt(lambda: os.setuid(0))`,
    'does not become another session': ({ target }) => `attempt(lambda: os.setresuid(*[${target.uid}] * 3))`,
    'does not join a group': () => `attempt(lambda: os.setgroups([0]))`,
    'does not take capabilities': () =>
      `call(126, (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[0xffffffff] * 6))`,
    'does not outlive the zygote': () => `call(157, 1, 0, 0, 0, 0)`,
    'does not make itself traceable': () => `call(157, 4, 1, 0, 0, 0)`,
    'does not let anybody trace it': () => `call(157, 0x59616d61, -1, 0, 0, 0)`,
    'does not change the limits of the server': () => {
      return `import resource; attempt(lambda: resource.prlimit(${process.pid}, resource.RLIMIT_NOFILE, (0, 0)))`;
    },
    'does not change the priority of the server': () =>
      `attempt(lambda: os.setpriority(os.PRIO_PROCESS, ${process.pid}, 19))`,
    'does not bind the server to one processor': () =>
      `attempt(lambda: os.sched_setaffinity(${process.pid}, {0}))`,
    'does not raise its own limits': () => {
      return `import resource
def raised():
    try: resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999))
    except ValueError as error: raise PermissionError(1, str(error))
attempt(raised)`;
    },
    'does not open shared memory of System V': () => `call(29, 1, 4096, 0o1600)`,
    'does not open semaphores of System V': () => `call(64, 1, 1, 0o1600)`,
    'does not open a queue of System V': () => `call(68, 1, 0o1600)`,
    'does not open a POSIX queue': () => `call(240, b'queue', 0o102, 0o600, None)`,
    'does not type into a terminal': () => `import fcntl; attempt(lambda: fcntl.ioctl(0, 0x5412, b'x'))`,
  });

  it('reaches only itself with a signal to everybody', async () => {
    const answer = await get().attack(`import signal
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
attempt(lambda: os.kill(-1, signal.SIGUSR1))`);
    // The signal ends whoever does not ignore it: the check after each test finds everybody alive.
    expect(answer).to.match(/done|refused/);
  });

  it('has a uid that no other session has', async () => {
    const world = get();
    const uids = await Promise.all([1, 2, 3].map(() => world.attack('os.getresuid() + os.getresgid()')));
    expect(new Set([...uids, String(world.target.uid)]).size).to.equal(4);
    for (const text of uids) expect(new Set(text.match(/\d+/g)).size).to.equal(1);
    expect(await world.attack('os.getgroups()')).to.equal('[]');
  });

  it('leaves no process behind that turned away from its session', async () => {
    const world = get();
    const session = await world.attacker();
    const { output } = await session.execute(`import time
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(writer, b'.')
        while True: time.sleep(60)
    os._exit(0)
os.read(reader, 1)
os.getuid()`);
    const uid = Number(output);
    expect(await world.processesOf(uid)).to.have.length.greaterThan(1);
    await session.delete();
    expect(await world.processesOf(uid)).to.deep.equal([]);
  });

  it('ends a session whose processes fork without end, and all of them', async () => {
    const world = get();
    const session = await world.attacker();
    const { output } = await session.execute(`import time
made = 0
try:
    while made < 2000:
        if os.fork() == 0:
            while True: time.sleep(60)
        made += 1
except OSError as error: print(errno.errorcode[error.errno], made < 300, os.getuid())`);
    const [code, isBounded, uid] = output.trim().split(' ');
    expect([code, isBounded]).to.deep.equal(['EAGAIN', 'True']);
    await session.delete();
    expect(await world.processesOf(Number(uid))).to.deep.equal([]);
  }).timeout(60_000);
});
