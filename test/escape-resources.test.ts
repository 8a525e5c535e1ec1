import { expect } from 'chai';
import { escapeSuite } from './support/escape-world.js';

const mebibyte = 2 ** 20;

describe('escape: resources and checkpoints', () => {
  const get = escapeSuite({ memory_bytes: 256 * mebibyte, file_bytes: 8 * mebibyte, process_count: 32 });

  it('answers MemoryError when a session takes too much, and the session goes on', async () => {
    const session = await get().attacker();
    const { error } = await session.execute(`big = bytearray(2 * 1024 ** 3)`);
    expect(error).to.include({ name: 'MemoryError' });
    expect((await session.execute('1 + 1')).output.trim()).to.equal('2');
    await session.delete();
  });

  it('counts memory that is taken in many pieces', async () => {
    const session = await get().attacker();
    const { error } = await session.execute(`pieces = []\nwhile True: pieces.append(bytearray(1 << 20))`);
    expect(error).to.include({ name: 'MemoryError' });
    expect((await session.execute('len(pieces) < 300')).output.trim()).to.equal('True');
    await session.delete();
  });

  it('counts memory that is shared', async () => {
    const code = `import mmap; attempt(lambda: len(mmap.mmap(-1, 1 << 30)))`;
    expect(await get().attack(code)).to.match(/refused|Cannot allocate/);
  });

  it('ends a file at the limit', async () => {
    const code = `piece = bytes(1 << 20)
file = open('big', 'wb', buffering=0)
written = 0
try:
    while written < 64: file.write(piece); written += 1
except OSError as error: print(errno.errorcode[error.errno], written)`;
    expect(await get().attack(code)).to.equal('EFBIG 8');
  });

  it('does not make a file long by its end', async () => {
    await get().refuses(`open('big', 'w').close(); attempt(lambda: os.truncate('big', 1 << 40))`);
  });

  it('does not reserve more of the disk', async () => {
    await get().refuses(
      `fd = os.open('big', os.O_CREAT | os.O_RDWR); attempt(lambda: os.posix_fallocate(fd, 0, 1 << 30))`,
    );
  });

  it('opens a bounded number of files', async () => {
    const code = `held = []
try:
    while len(held) < 5000: held.append(os.open('/dev/null', 0))
except OSError as error: print(errno.errorcode[error.errno], len(held) < 1024)`;
    expect(await get().attack(code)).to.equal('EMFILE True');
  });

  it('starts a bounded number of threads', async () => {
    const code = `import threading
stop = threading.Event(); made = 0
try:
    while made < 500: threading.Thread(target=stop.wait, daemon=True).start(); made += 1
except RuntimeError: pass
stop.set()
made < 32`;
    expect(await get().attack(code)).to.equal('True');
  });

  it('writes no core file', async () => {
    expect(await get().attack('import resource; resource.getrlimit(resource.RLIMIT_CORE)')).to.equal(
      '(0, 0)',
    );
  });

  it('loads a hostile part of a checkpoint only behind the same locks', async () => {
    const world = get();
    const session = await world.attacker();
    await session.execute(`class Payload:
    def __reduce__(self): return (eval, ("[open('/etc/passwd').read(), __import__('os').getuid()]",))
trap = Payload()
kept = 5`);
    await session.call('checkpoint', {}).catch(() => undefined);
    await session.execute('import time').then(() => session.restart({ keepState: true }));
    expect((await session.execute('kept')).output.trim()).to.equal('5');
    expect((await session.execute(`'trap' in globals() and 'root:' in str(trap)`)).output.trim()).to.equal(
      'False',
    );
    await session.delete();
  });

  it('takes checkpoints, is restarted and still finds its files under a new uid', async () => {
    const world = get();
    const session = await world.attacker();
    await session.execute(
      `x = list(range(1000)); open('f.txt', 'w').write('mine'); os.mkdir('d'); open('d/g', 'w').close()`,
    );
    const before = (await session.execute('os.getuid()')).output;
    await session.restart({ keepState: true });
    const after = await session.execute(
      `open('f.txt').read(), sum(x), os.listdir('d'), open('d/g', 'a').write('!')`,
    );
    expect(after.output.trim()).to.equal(`('mine', 499500, ['g'], 1)`);
    expect((await session.execute('os.getuid()')).output).to.not.equal(before);
    await session.delete();
  });
});
