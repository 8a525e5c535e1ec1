/**
 * The recorded family of kernel tools (run_python_code and those beside it), as thin mappers over the operations of
 * the catalogue: one active session a connection, `default` from the start, and failures in the tools' own words. The
 * workspace is that of the active session: each has its own.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ISession, ISojourn, SessionInfo } from '../../src/types/client.js';
import { isSojournError } from '../../src/types/errors.js';
import type { MimeBundle } from '../../src/types/events.js';
import { responsivenessSchema } from '../../src/types/health.js';
import { fileTools } from './file-tools.js';
import { healthAnswer, healthSchema, metadataOf, reportOf, sessionEntry } from './kernel-answers.js';

type Args = Readonly<Record<string, unknown>>;
export type ToolResult = Record<string, unknown>;

const mainSession = 'default';
const folders = ['scripts', 'outputs', 'uploads'];
const fileOf: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/svg+xml': 'svg',
  'application/json': 'json',
};

const statusSchema = z.object({ limits: z.record(z.string(), z.number()) });
const installSchema = z.object({ returncode: z.number(), stdout: z.string(), stderr: z.string() });
const scriptArgs = z.object({
  path: z.string(),
  args: z.array(z.string()).default([]),
  timeout: z.number().default(120),
});

const secondsNow = () => Date.now() / 1000;

/** In the words of a tool, whatever the operation said. */
async function saying<T>(work: Promise<T>, words: (error: { code: string; detail: string }) => string) {
  try {
    return await work;
  } catch (error) {
    if (!isSojournError(error)) throw error;
    throw new Error(words({ code: error.code, detail: error.detail }), { cause: error });
  }
}

export class KernelTools {
  private active = mainSession;
  private named = 0;

  private constructor(private readonly client: ISojourn) {}

  static async open(client: ISojourn): Promise<KernelTools> {
    const tools = new KernelTools(client);
    await tools.make(mainSession);
    return tools;
  }

  /** @throws Error in the words of the tool */
  async call(tool: string, args: Args): Promise<ToolResult> {
    const own = this.tools[tool];
    if (own) return own(args);
    const ofFiles = fileTools[tool];
    if (!ofFiles) throw new Error(`no tool ${tool}`);
    return ofFiles(this.session, args);
  }

  get names(): string[] {
    return [...new Set([...Object.keys(this.tools), ...Object.keys(fileTools)])].sort();
  }

  get session(): ISession {
    return this.client.session(this.active);
  }

  private readonly tools: Readonly<Record<string, (args: Args) => Promise<ToolResult>>> = {
    ping: async () => {
      const { message } = z.object({ message: z.string() }).parse(await this.client.call('ping'));
      return { ok: message === 'pong', status: message, timestamp: new Date().toISOString() };
    },
    get_workspace_info: () => this.workspaceInfo(),
    run_python_code: (args) => this.run(args),
    run_script: (args) => this.runScript(args),
    install_dependencies: async (args) => {
      const answer = saying(this.session.call('install_dependencies', { ...args }), ({ detail }) =>
        detail.replace(/^[^:]*: /, ''),
      );
      return installSchema.parse(await answer);
    },
    list_variables: () => this.variables(),
    code_completion: async (args) => ({ status: 'ok', ...(await this.asked('complete', args)) }),
    inspect_object: async (args) => ({ status: 'ok', ...(await this.asked('inspect', args)) }),
    get_kernel_health: () => this.health(this.active),
    check_kernel_responsiveness: async ({ timeout = 5 }) => {
      const answer = await this.session.call('check_responsiveness', { timeout_s: timeout });
      const { responsive, response_time_s, timeout_s, status } = responsivenessSchema.parse(answer);
      return { responsive, response_time: response_time_s, timeout: timeout_s, test_result: status };
    },
    restart_kernel: (args) => this.restart(args.preserve_state === true),
    create_session: (args) => this.create(args),
    list_sessions: () => this.list(),
    switch_session: (args) => this.switchTo(String(args.session_id)),
    delete_session: (args) => this.delete(String(args.session_id)),
  };

  private async asked(operation: string, args: Args): Promise<ToolResult> {
    return z.record(z.string(), z.unknown()).parse(await this.session.call(operation, args));
  }

  private async make(sessionId: string, description?: string): Promise<SessionInfo> {
    const session = await this.client.createSession({
      sessionId,
      ifExists: 'return',
      ...(description === undefined ? {} : { description }),
    });
    // A file makes the folder that it lies in.
    for (const folder of folders) {
      await session.files.write(`${folder}/.new`, '');
      await session.files.delete(`${folder}/.new`);
    }
    return session.info();
  }

  private async workspaceInfo(): Promise<ToolResult> {
    const { workspace } = await this.session.files.list();
    const places = folders.map((name) => [name, `${workspace}/${name}`] as const);
    return {
      workspace,
      workspace_dir: workspace,
      ...Object.fromEntries(
        places.flatMap(([name, path]) => [
          [name, path],
          [`${name}_dir`, path],
        ]),
      ),
    };
  }

  private async run({ code, timeout }: Args): Promise<ToolResult> {
    const limit = typeof timeout === 'number' ? { timeoutS: timeout } : {};
    const running = this.session.execute(String(code), { reportFiles: true, ...limit });
    const answer = await saying(running, ({ detail }) => detail);
    const { stdout, stderr, result, displays, error, newFiles = [], durationMs, status } = answer;
    if (status === 'timeout') throw new Error(error?.message);
    const outputs = await this.saveDisplays(displays);
    return {
      stdout,
      stderr: stderr + (error ? reportOf(error) : ''),
      results: [...displays, ...(result ? [result] : [])].map((shown) => shown['text/plain']),
      outputs,
      new_files: [...newFiles, ...outputs].sort(),
      execution_time: durationMs / 1000,
    };
  }

  /** Of each display its richest form that has a file of its own. */
  private async saveDisplays(displays: readonly MimeBundle[]): Promise<string[]> {
    const outputs: string[] = [];
    for (const display of displays) {
      const mime = Object.keys(fileOf).find((type) => type in display);
      if (mime === undefined) continue;
      const path = `outputs/${randomUUID()}.${fileOf[mime]}`;
      const form = display[mime];
      const text = typeof form === 'string' ? form : JSON.stringify(form);
      await this.session.files.write(path, mime === 'image/png' ? Buffer.from(text, 'base64') : text);
      outputs.push(path);
    }
    return outputs;
  }

  private async runScript(args: Args): Promise<ToolResult> {
    const { path, timeout, args: given } = scriptArgs.parse(args);
    const running = this.session.runScript(path, { args: given, timeoutS: timeout, reportFiles: true });
    const answer = await saying(running, ({ code }) =>
      code === 'file_not_found' ? `Script not found: ${path}` : `Invalid script path: ${path}`,
    );
    if (answer.status === 'timeout') throw new Error(`Script execution timed out after ${timeout} seconds`);
    const { stdout, stderr, returncode, newFiles, durationMs } = answer;
    return { stdout, stderr, returncode, new_files: newFiles, execution_time: durationMs / 1000 };
  }

  private async variables(): Promise<ToolResult> {
    const found = await this.session.variables();
    const details = found.map(({ name, type, preview }) => [name, `${type}: ${preview}`] as const);
    return { variables: found.map(({ name }) => name).sort(), details: Object.fromEntries(details) };
  }

  private async health(id: string): Promise<ToolResult> {
    const session = this.client.session(id);
    return healthAnswer(healthSchema.parse(await session.call('health')), await session.info());
  }

  private async restart(preserve: boolean): Promise<ToolResult> {
    const before = (await this.session.variables()).length;
    const restarting = this.session.restart({ keepState: preserve });
    const { lastRebuild } = await saying(restarting, ({ detail }) => `Failed to restart kernel: ${detail}`);
    return {
      restarted: true,
      session_id: this.active,
      preserve_state: preserve,
      preserved_vars: preserve ? before - (lastRebuild?.not_kept_count ?? 0) : 0,
      restored_vars: (await this.session.variables()).length,
      timestamp: secondsNow(),
    };
  }

  private async create({ session_id, description }: Args): Promise<ToolResult> {
    const id = typeof session_id === 'string' ? session_id : `session_${++this.named}`;
    const made = this.make(id, typeof description === 'string' ? description : undefined);
    const info = await made.catch((error: unknown) => {
      if (!isSojournError(error, 'limit_exceeded')) throw error;
      const most = `Maximum number of sessions (${String(error.fields.value)}) reached`;
      throw new Error(`Failed to create session: ${most}`, { cause: error });
    });
    return {
      session_id: id,
      status: 'created',
      description: info.description,
      metadata: metadataOf(info),
      timestamp: secondsNow(),
    };
  }

  private async list(): Promise<ToolResult> {
    const { sessions, totalSessions } = await this.client.listSessions();
    const { limits } = statusSchema.parse(await this.client.call('status'));
    const entries = sessions.map(async (info) => {
      const health = await this.health(info.sessionId);
      const entry = { current: info.sessionId === this.active, ...sessionEntry(info, health) };
      return [info.sessionId, entry] as const;
    });
    return {
      sessions: Object.fromEntries(await Promise.all(entries)),
      active_session: this.active,
      total_sessions: totalSessions,
      max_sessions: limits.sessions,
      timestamp: secondsNow(),
    };
  }

  private async switchTo(id: string): Promise<ToolResult> {
    await this.known('switch', id);
    const previous_session = this.active;
    this.active = id;
    return { previous_session, current_session: id, status: 'switched', timestamp: secondsNow() };
  }

  private async delete(id: string): Promise<ToolResult> {
    if (id === mainSession) throw new Error('Failed to delete session: Cannot delete the default session');
    await this.known('delete', id);
    await this.client.deleteSession(id);
    const was_active = this.active === id;
    if (was_active) this.active = mainSession;
    const next = was_active ? { new_active_session: mainSession } : {};
    return { session_id: id, status: 'deleted', was_active, timestamp: secondsNow(), ...next };
  }

  private known(doing: string, id: string): Promise<SessionInfo> {
    const words = () => `Failed to ${doing} session: Session '${id}' does not exist`;
    return saying(this.client.session(id).info(), words);
  }
}
