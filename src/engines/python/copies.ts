/** The copies of one kernel: has them forked for checkpoints, and knows which are still being written. */
import type { EngineContext, ICapture, IEngine } from '../../types/engine.js';
import type { Disposable } from '../../types/ports.js';
import { PythonCapture } from './capture.js';
import { FrozenKernel } from './frozen-kernel.js';
import type { CopyConnection, Heir, KernelProcess } from './kernel-process.js';
import type { PythonEngineOptions } from './options.js';

/** What a checkpoint holds besides variables: sources of cells, random states. */
const extraBytesMax = 64 * 1024 ** 2;

export interface CopiesHost {
  /** Tells the kernel to fork. @throws timeout · kernel_died */
  fork(params: Readonly<Record<string, unknown>>): Promise<{ pid: number; threads: readonly string[] }>;
  /** Puts an engine around a frozen copy that has become the kernel. */
  adopt(process: KernelProcess, context: EngineContext): Promise<IEngine>;
}

export class Copies {
  private readonly writing = new Map<Disposable, number>();
  /** Those that will stay frozen when their checkpoint is whole. */
  private readonly freezing = new Map<Disposable, Heir>();

  constructor(
    private readonly kernel: KernelProcess,
    private readonly options: PythonEngineOptions,
    private readonly host: CopiesHost,
  ) {}

  /** Process ids of those that still write. */
  get pids(): number[] {
    return [...this.writing.values()];
  }

  /** Process ids of all that are there, those that are still to be frozen too. */
  async all(): Promise<number[]> {
    // A zygote that does not answer has gone, and all kernels with it.
    const found = [...this.freezing.values()].map((heir) => heir.find().catch(() => null));
    const freezing = (await Promise.all(found)).filter((pid) => pid !== null);
    return [...new Set([...this.kernel.lease.copies, ...freezing])];
  }

  /** For a caller that has the kernel's turn. @throws timeout · kernel_died · internal */
  async take(freezable: boolean): Promise<ICapture> {
    const { clock, variableBytes, sessionBytes } = this.options;
    const { expected, ticket, heir } = await this.connect(freezable);
    const warm = heir !== null;
    try {
      const limits = { variable_bytes: variableBytes, session_bytes: sessionBytes };
      const { pid, threads } = await this.host.fork({ ticket, warm, ...limits });
      const letGo = this.kernel.lease.hold(pid);
      const capture = new PythonCapture({
        expected,
        clock,
        killCopy: () => this.kernel.killCopy(pid),
        bytesMax: sessionBytes + extraBytesMax,
        onDisposed: (disposed) => {
          this.writing.delete(disposed);
          this.freezing.delete(disposed);
          letGo();
        },
        frozen: heir && {
          heir,
          keep: async (channel, closed) => {
            const process = await heir.find();
            if (process === null) return null;
            const letGo = this.kernel.lease.holdFrozen(process);
            const adopt: CopiesHost['adopt'] = (...woken) => this.host.adopt(...woken);
            return new FrozenKernel({ channel, heir, threads, closed, letGo, adopt });
          },
        },
      });
      this.writing.set(capture, pid);
      if (heir) this.freezing.set(capture, heir);
      return capture;
    } catch (error) {
      expected.cancel();
      void heir?.drop();
      // A copy that came before its kernel was stopped is of no use.
      void expected.channel.then((channel) => channel.dispose());
      throw error;
    }
  }

  /** A checkpoint comes before its frozen copy: where none can be had there is only the checkpoint. */
  private async connect(freezable: boolean): Promise<CopyConnection & { heir: Heir | null }> {
    if (freezable) {
      try {
        return await this.kernel.connectHeir();
      } catch (error) {
        this.options.log.debug({ err: error }, 'a kernel cannot have a frozen copy');
      }
    }
    return { ...(await this.kernel.connectCopy()), heir: null };
  }
}
