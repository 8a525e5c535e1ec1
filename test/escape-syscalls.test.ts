import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { pythonExecutable, skip } from './support/needs.js';
import { escapeSuite, refusals } from './support/escape-world.js';

/** Machine code in fresh memory, called as a function. */
const machineCode = (bytes: string) => `import mmap
memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
memory.write(bytes.fromhex('${bytes}'))
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
ctypes.CFUNCTYPE(ctypes.c_long)(address)()`;

/** getpid, as a program of the 32-bit machine calls it. */
const old32 = 'b814000000cd80c3';

/** Some kernels have no such calls at all, and end whoever tries before any filter is asked: tried without a sandbox. */
async function has32BitCalls(): Promise<boolean> {
  const run = promisify(execFile)(pythonExecutable, ['-c', `import ctypes\n${machineCode(old32)}`]);
  return run.then(
    () => true,
    (error: unknown) => (error as { signal?: string }).signal !== 'SIGSEGV',
  );
}

describe('escape: system calls by number', () => {
  const get = escapeSuite();

  before(function () {
    if (process.arch !== 'x64') skip(this, `the numbers are those of x86_64, this is ${process.arch}`);
  });

  refusals(get, {
    'does not mount': () => `call(165, b'none', b'.', b'tmpfs', 0, None)`,
    'does not unmount': () => `call(166, b'/', 2)`,
    'does not swap its root': () => `call(155, b'.', b'.')`,
    'does not open a file system': () => `call(430, b'tmpfs', 0)`,
    'does not copy a mount': () => `call(428, -100, b'/', 1)`,
    'does not move a mount': () => `call(429, -100, b'/', -100, b'/', 0)`,
    'does not list mounts': () =>
      `call(458, ctypes.create_string_buffer(64), ctypes.create_string_buffer(64), 8, 0)`,
    'does not take a user namespace': () => `call(272, 0x10000000)`,
    'does not take a mount namespace': () => `call(272, 0x00020000)`,
    'does not enter a namespace': () => `call(308, 0, 0)`,
    'does not clone into a user namespace': () => `call(56, 0x10000000 | 17, 0, 0, 0, 0)`,
    'does not clone into a process namespace': () => `call(56, 0x20000000 | 17, 0, 0, 0, 0)`,
    'does not clone by a structure that nobody can check': () =>
      `call(435, (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17), 88)`,
    'does not load a program into the kernel of the machine': () =>
      `call(321, 5, ctypes.create_string_buffer(128), 128)`,
    'does not open the keyring': () => `call(250, 0, -3, 1)`,
    'does not add a key': () => `call(248, b'user', b'name', b'value', 5, -3)`,
    'does not ask for a key': () => `call(249, b'user', b'name', None, -3)`,
    'does not watch the processor': () => `call(298, ctypes.create_string_buffer(128), 0, -1, -1, 0)`,
    'does not handle page faults': () => `call(323, 1)`,
    'does not open a ring': () => `call(425, 8, ctypes.create_string_buffer(128))`,
    'does not load another kernel': () => `call(246, 0, 0, None, 0)`,
    'does not load a module': () => `call(175, b'', 0, b'')`,
    'does not load a module from a file': () => `call(313, 0, b'', 0)`,
    'does not remove a module': () => `call(176, b'nothing', 0)`,
    'does not take another personality': () => `call(135, 0x0040000)`,
    'does not name the machine': () => `call(170, b'mine', 4)`,
    'does not set the clock': () => `call(227, 0, (ctypes.c_long * 2)(0, 0))`,
    'does not swap': () => `call(167, b'file', 0)`,
    'does not reach ports of the processor': () => `call(172, 3)`,
    'does not reach one port of the processor': () => `call(173, 0x80, 1, 1)`,
    'does not change its descriptor tables': () => `call(154, 1, ctypes.create_string_buffer(16), 16)`,
    'does not read the log of the machine': () => `call(103, 3, ctypes.create_string_buffer(64), 64)`,
    'does not set quotas': () => `call(179, 0, b'/dev/vda', 0, None)`,
    'does not keep accounts': () => `call(163, b'file')`,
    'does not mark files for watching': () => `call(300, 0, 0)`,
    'does not add a filter that asks somebody else': () => `call(317, 1, 8, None)`,
    'does not put secrets where nobody can look': () => `call(447, 0)`,
    'gets no answer from calls that are newer than the filter': () => `call(500)`,
  });

  const fatal: Record<string, { code: string; signal: () => Promise<string> }> = {
    'ends at a call of the 32-bit machine': {
      code: machineCode(old32),
      signal: async () => ((await has32BitCalls()) ? 'SIGSYS' : 'SIGSEGV'),
    },
    'ends at a call of the x32 machine': {
      code: `call(0x40000000 + 39)`,
      signal: () => Promise.resolve('SIGSYS'),
    },
  };
  for (const [title, { code, signal }] of Object.entries(fatal)) {
    it(title, async () => {
      const session = await get().attacker();
      try {
        const error: unknown = await session.execute(code).then(
          () => null,
          (reason: unknown) => reason,
        );
        expect(error).to.include({ code: 'kernel_died' });
        expect(error).to.have.nested.property('fields.signal', await signal());
      } finally {
        await session.delete();
      }
    });
  }

  it('may still not reboot', async () => {
    // Magic numbers that no machine obeys: the filter answers before they are looked at.
    expect(await get().attack('call(169, 1, 2, 3, None)')).to.include('EPERM');
  });
});
