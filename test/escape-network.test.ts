import { expect } from 'chai';
import { escapeSuite, refusals } from './support/escape-world.js';

const opening = (family: string, type = 'SOCK_STREAM', protocol = '0') =>
  `import socket; attempt(lambda: socket.socket(socket.${family}, socket.${type}, ${protocol}))`;

describe('escape: network and programs', () => {
  const get = escapeSuite({ allow_sandbox: ['strict', 'workspace'] });

  refusals(get, {
    'opens no IPv4 socket to the server': ({ server }) => {
      const { hostname, port } = new URL(server.url);
      return `import socket; attempt(lambda: socket.create_connection(('${hostname}', ${port}), 1))`;
    },
    'opens no IPv6 socket': () => opening('AF_INET6'),
    'opens no datagram socket': () => opening('AF_INET', 'SOCK_DGRAM'),
    'opens no unix socket': () => opening('AF_UNIX'),
    'opens no netlink socket': () => opening('AF_NETLINK', 'SOCK_RAW'),
    'opens no packet socket': () => opening('AF_PACKET', 'SOCK_RAW'),
    'opens no raw socket': () => opening('AF_INET', 'SOCK_RAW', '1'),
    'opens no socket to a virtual machine': () => opening('AF_VSOCK'),
    'opens no socket of the cryptography of the machine': () => opening('AF_ALG', 'SOCK_SEQPACKET'),
    'opens no socket by number': () => `call(41, 2, 1, 0)`,
    'opens no socket through the C library': () => `def made():
    ctypes.set_errno(0)
    if libc.socket(2, 1, 0) < 0: raise OSError(ctypes.get_errno(), 'socket')
attempt(made)`,
    'makes no pair of datagram sockets, which could send elsewhere': () =>
      `import socket; attempt(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))`,
    'does not connect a socket that it has': () =>
      `import socket; a, b = socket.socketpair(); attempt(lambda: a.connect('\\0hidden'))`,
    'does not bind a socket that it has': () =>
      `import socket; a, b = socket.socketpair(); attempt(lambda: a.bind('door'))`,
    'does not listen on a socket that it has': () =>
      `import socket; a, b = socket.socketpair(); attempt(a.listen)`,
    'does not send to an address': () =>
      `import socket; a, b = socket.socketpair(); attempt(lambda: a.sendto(b'x', '\\0hidden'))`,
    'runs no program': () => `attempt(lambda: os.execv('/bin/sh', ['sh']))`,
    'runs no program as a subprocess': () =>
      `import subprocess; attempt(lambda: subprocess.run(['/bin/sh', '-c', 'id']))`,
    'runs no program by posix_spawn': () => `attempt(lambda: os.posix_spawn('/bin/sh', ['sh'], {}))`,
    'runs no program by number': () => `call(59, b'/bin/sh', None, None)`,
    'runs no program by its descriptor': () =>
      `fd = os.open('/usr/lib', os.O_RDONLY); call(322, fd, b'', None, None, 0x1000)`,
    'makes no file in memory to run': () => `attempt(lambda: os.memfd_create('program'))`,
    'runs no program that it has written': () => `open('p', 'w').write('#!/bin/sh\\n'); os.chmod('p', 0o700)
attempt(lambda: os.execv('./p', ['p']))`,
  });

  it('gets nothing out of os.system', async () => {
    expect(await get().attack(`os.system('touch planted') != 0 and not os.path.exists('planted')`)).to.equal(
      'True',
    );
  });

  it('does not get at the door of the kernels with a stolen secret', async () => {
    const world = get();
    // The channel of the kernel itself is all there is: nothing on its own heap leads to another connection.
    const code = `import gc, socket
found = [s for s in gc.get_objects() if isinstance(s, socket.socket)]
sorted({attempt(lambda: s.connect('/x')).split(':')[0] for s in found})`;
    expect(await world.attack(code)).to.equal(`['refused']`);
    const secrets = `import gc
[o for o in gc.get_objects() if isinstance(o, dict) and 'secret' in o and 'socket' in o]`;
    expect(await world.attack(secrets)).to.equal('[]');
  });

  it('gets nothing but its own descriptors by passing them to itself', async () => {
    const code = `import socket
a, b = socket.socketpair()
socket.send_fds(a, [b'x'], [0])
_, fds, _, _ = socket.recv_fds(b, 1, 4)
[os.path.sameopenfile(fd, 0) for fd in fds]`;
    expect(await get().attack(code)).to.equal('[True]');
  });

  it('ends when it writes garbage to the server', async () => {
    const session = await get().attacker();
    const error: unknown = await session
      .execute(
        `import gc
from sojourn_kernel.frames import Channel
for channel in [c for c in gc.get_objects() if type(c) is Channel]: os.write(channel.fileno(), os.urandom(65536))
import time; time.sleep(20)`,
      )
      .catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'kernel_died' });
    await session.delete();
  });

  it('runs programs and opens sockets in a session that may', async () => {
    const world = get();
    const code = `import subprocess, socket
socket.socket().close()
subprocess.run(['/bin/sh', '-c', 'echo from a program; cat /etc/passwd'], capture_output=True, text=True).stdout`;
    expect(await world.attack(code, { sandbox: 'workspace' })).to.equal(`'from a program\\n'`);
  });

  it('refuses a profile that the configuration does not allow', async () => {
    const error: unknown = await get()
      .attacker({ sandbox: 'off' })
      .catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'invalid_params' });
  });
});
