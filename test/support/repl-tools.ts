/**
 * The six tools of a well-known family of Python tools (python_repl and those beside it), as thin mappers over the
 * operations: one answer with output, error and image for a run, and failures as results with `error`.
 */
import { z } from 'zod';
import type { ICaller } from '../../src/types/client.js';
import { isSojournError } from '../../src/types/errors.js';
import { sessionMetadataSchema, statelessResultSchema } from '../../src/types/session.js';
import type { SessionMetadata, StatelessResult } from '../../src/types/session.js';

export interface ReplCall {
  readonly code: string;
  readonly session_id?: string;
  readonly reset_session?: boolean;
  readonly timeout_seconds?: number;
}

export interface AnalysisCall {
  readonly data: string;
  readonly analysis_type?: string;
  readonly custom_code?: string;
  readonly plot_type?: string;
  readonly columns?: string;
}

export const replAnswerSchema = z.strictObject({
  output: z.string().optional(),
  error: z.string().nullable().optional(),
  image: z.string().nullable().optional(),
  session_id: z.string().optional(),
});
export type ReplAnswer = z.infer<typeof replAnswerSchema>;

const variablesSchema = z.object({
  variables: z.array(z.object({ name: z.string(), type: z.string(), size_bytes: z.number() })),
});
const listSchema = z.object({ sessions: z.array(sessionMetadataSchema) });
const checkSchema = z.object({ allowed: z.boolean(), detail: z.string().nullable() });

const totals = (session: SessionMetadata) => ({
  session_id: session.session_id,
  created_at: session.created_at,
  last_accessed: session.last_activity,
  total_executions: session.total_executions,
});

export class ReplTools {
  constructor(
    private readonly caller: ICaller,
    private readonly policy: 'open' | 'restricted' = 'restricted',
  ) {}

  repl({ code, session_id, reset_session, timeout_seconds = 30 }: ReplCall): Promise<ReplAnswer> {
    const run = { code, timeout_s: timeout_seconds, silent: true };
    const place = session_id === undefined ? {} : { session_id };
    const answer =
      session_id === undefined
        ? this.caller.call('run_once', { ...run, options: this.options })
        : this.execute(session_id, { ...run, clear_first: reset_session === true });
    return answerTo(answer, timeout_seconds, place);
  }

  analyze({ columns, ...given }: AnalysisCall): Promise<ReplAnswer> {
    const named = columns === undefined ? {} : { columns: columns.split(',').map((name) => name.trim()) };
    const answer = this.caller.call('analyze_data', { ...given, ...named, options: this.options });
    return answerTo(answer, 30);
  }

  listVariables(session_id: string) {
    return this.known(session_id, async () => {
      const { variables } = variablesSchema.parse(await this.caller.call('list_variables', { session_id }));
      const session = sessionMetadataSchema.parse(await this.caller.call('get_session', { session_id }));
      const entries = variables.map(({ name, type, size_bytes }) => ({ name, type, size_bytes }));
      return {
        ...totals(session),
        variable_count: entries.length,
        total_size_bytes: entries.reduce((sum, { size_bytes }) => sum + size_bytes, 0),
        variables: entries.sort((a, b) => (a.name < b.name ? -1 : 1)),
      };
    });
  }

  async listSessions() {
    const { sessions } = listSchema.parse(await this.caller.call('list_sessions', {}));
    const newest = sessions.sort((a, b) => b.last_activity.localeCompare(a.last_activity));
    return {
      session_count: newest.length,
      sessions: newest.map((session) => ({
        ...totals(session),
        is_active: session.inactive !== true,
        variable_count: session.variable_count,
        total_size_bytes: session.stored_bytes,
      })),
    };
  }

  clearSession(session_id: string) {
    return this.known(session_id, async () => {
      await this.caller.call('clear', { session_id });
      return { session_id, status: 'cleared', message: 'All variables have been removed from the session' };
    });
  }

  deleteSession(session_id: string) {
    return this.known(session_id, async () => {
      await this.caller.call('delete_session', { session_id });
      return { session_id, status: 'deleted', message: 'Session has been permanently deleted' };
    });
  }

  private get options() {
    return { policy: this.policy };
  }

  /** The first use of an id makes the session, unless its code is refused. */
  private async execute(session_id: string, run: Record<string, unknown>): Promise<unknown> {
    try {
      return await this.caller.call('execute', { session_id, ...run });
    } catch (error) {
      if (!isSojournError(error, 'session_not_found')) throw error;
    }
    const check = { code: run.code, options: this.options };
    const { allowed } = checkSchema.parse(await this.caller.call('check_code', check));
    // What refuses it in a session refuses it without one too.
    if (!allowed) return this.caller.call('run_once', check);
    await this.caller.call('create_session', { session_id, if_exists: 'return', options: this.options });
    return this.caller.call('execute', { session_id, ...run });
  }

  private async known<T>(session_id: string, work: () => Promise<T>): Promise<T | { error: string }> {
    try {
      return await work();
    } catch (error) {
      if (isSojournError(error, 'session_not_found')) return { error: `Session ${session_id} not found` };
      throw error;
    }
  }
}

/** Code that is refused has its reason alone for an answer. */
async function answerTo(run: Promise<unknown>, seconds: number, place: object = {}): Promise<ReplAnswer> {
  try {
    return { ...answerOf(statelessResultSchema.parse(await run), seconds), ...place };
  } catch (error) {
    if (isSojournError(error, 'code_rejected')) return { error: error.detail };
    if (isSojournError(error, 'kernel_died')) return { error: 'No output produced', ...place };
    throw error;
  }
}

function answerOf(result: StatelessResult, seconds: number): ReplAnswer {
  const { status, error, stdout, stderr, displays } = result;
  if (status === 'timeout') return { error: `Code execution timed out after ${seconds} seconds` };
  if (result.should_exit) return { error: 'No output produced' };
  const image = displays.map((display) => display['image/png']).findLast((png) => typeof png === 'string');
  return {
    output: stdout + stderr,
    error: error && `${error.name}: ${error.message}\n${error.traceback}`,
    image: typeof image === 'string' ? image : null,
  };
}
