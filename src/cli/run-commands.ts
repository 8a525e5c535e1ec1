/** `sojourn exec` and `call`: run code with its output streamed, or any operation by name. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { isatty } from 'node:tty';
import type { Command } from 'commander';
import { snakeize } from '../client/casing.js';
import type { ExecuteOptions, ExecutionResult, ISession } from '../types/client.js';
import type { SessionEvent } from '../types/events.js';
import { SojournError } from '../types/errors.js';
import { answerInput } from './ask.js';
import { globalOptions, withClient } from './context.js';
import { jsonObject } from './json-argument.js';
import { printJson } from './output.js';

interface ExecOptions {
  file?: string;
  timeout?: string;
}

export function addRunCommands(program: Command): void {
  program
    .command('exec')
    .description('Run code; its output, errors and exit status are passed on.')
    .argument('<id>', 'the session; a python session is made when there is none')
    .argument('[code]', 'the code, or - to read it from standard input')
    .option('-f, --file <path>', 'read the code from a file')
    .option('--timeout <seconds>', 'interrupt it after this time')
    .action(async (id: string, code: string | undefined, own: ExecOptions, command: Command) => {
      const options = globalOptions(command);
      const source = await readCode(code, own.file);
      const timeout = own.timeout === undefined ? {} : { timeoutS: Number(own.timeout) };
      // Only at a terminal is there somebody whom the code could ask.
      const run = { ...timeout, allowInput: isatty(0) && options.json !== true };
      const result = await withClient(options, async (client) => {
        await client.createSession({ sessionId: id, ifExists: 'return' });
        const session = client.session(id);
        return options.json === true ? session.execute(source, run) : runStreaming(session, source, run);
      });
      if (options.json === true) printJson(snakeize(result));
      if (result.status !== 'ok') process.exitCode = 1;
    });
  program
    .command('call')
    .description('Run any operation of a session; parameters and answer are JSON.')
    .argument('<id>')
    .argument('<operation>')
    .argument('[json]', 'the parameters', '{}')
    .action(async (id: string, operation: string, json: string, _own: unknown, command: Command) => {
      const params = jsonObject(json, 'The parameters', '{"limit": 10}');
      printJson(
        await withClient(globalOptions(command), (client) => client.session(id).call(operation, params)),
      );
    });
}

async function readCode(code: string | undefined, file: string | undefined): Promise<string> {
  if (file !== undefined) {
    return readFile(file, 'utf8').catch((cause: unknown) => {
      throw new SojournError('file_not_found', `File not found: ${file}`, {}, { cause });
    });
  }
  if (code === undefined || code === '-') return text(process.stdin);
  return code;
}

/** The key of the call finds its input among the events of other clients. */
async function runStreaming(
  session: ISession,
  code: string,
  options: ExecuteOptions,
): Promise<ExecutionResult> {
  const idempotencyKey = randomUUID();
  const { headSeq } = await session.info();
  const done = new AbortController();
  const result = session.execute(code, { ...options, idempotencyKey });
  // Ctrl-C stops the code, as in any terminal; a second one leaves it alone and ends this program.
  process.once('SIGINT', () => void session.interrupt().catch(() => process.exit(1)));
  const ended = new AbortController();
  result.then(
    () => ended.abort(),
    () => {
      // A refused run has no events to wait for.
      done.abort();
      ended.abort();
    },
  );
  let input: number | null = null;
  for await (const event of session.events({ sinceSeq: headSeq + 1, signal: done.signal })) {
    if (event.type === 'input' && event.idempotency_key === idempotencyKey) input = event.seq;
    if (input === null || !('input_seq' in event) || event.input_seq !== input) continue;
    printEvent(event);
    if (event.type === 'input_request') await answerInput(session, event, ended.signal);
    if (event.type === 'result') break;
  }
  return result;
}

const howToRead = ({ input_seq, spill_end }: Extract<SessionEvent, { type: 'truncated' }>) =>
  spill_end === undefined ? '' : `; get_output {"seq": ${input_seq ?? 0}} reads them`;

function printEvent(event: SessionEvent): void {
  if (event.type === 'stdout') process.stdout.write(event.text);
  else if (event.type === 'stderr') process.stderr.write(event.text);
  else if (event.type === 'display' || event.type === 'execute_result') {
    const shown = event.data['text/plain'];
    if (typeof shown === 'string') process.stdout.write(`${shown}\n`);
  } else if (event.type === 'truncated')
    process.stderr.write(`[${event.bytes} bytes of ${event.stream} left out${howToRead(event)}]\n`);
  else if (event.type === 'result' && event.error) {
    const { traceback, message } = event.error;
    process.stderr.write(`${(traceback || message).trimEnd()}\n`);
  }
}
