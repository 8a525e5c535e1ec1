/** What a terminal would have shown of a run: text, the values it showed, prompts with their answers, the traceback. */
import type { MimeBundle, SessionEventBody } from '../types/events.js';
import { TerminalText } from './terminal-text.js';

export class RunScreen {
  constructor(private readonly terminal = new TerminalText()) {}

  /** The lines that are finished by this event. */
  add(event: SessionEventBody): string {
    // Nobody writes over a line that is cleared away.
    if (event.type === 'clear_output') return this.terminal.end();
    const text = shownText(event);
    return text === '' ? '' : this.terminal.write(text);
  }

  /** The line that is not finished, at the end of the run. */
  end(): string {
    return this.terminal.end();
  }

  /** Characters of the line that is not finished. */
  get width(): number {
    return this.terminal.width;
  }

  clone(): RunScreen {
    return new RunScreen(this.terminal.clone());
  }
}

function shownText(event: SessionEventBody): string {
  switch (event.type) {
    case 'stdout':
    case 'stderr':
      return event.text;
    case 'display':
    case 'execute_result':
      return line(textOf(event.data));
    case 'input_request':
      return event.prompt;
    case 'input_reply':
      return `${event.value ?? ''}\n`;
    case 'result':
      return event.error ? line(event.error.traceback || `${event.error.name}: ${event.error.message}`) : '';
    default:
      return '';
  }
}

const line = (text: string) => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

function textOf(data: MimeBundle): string {
  const text = data['text/plain'];
  return typeof text === 'string' ? text : '';
}
