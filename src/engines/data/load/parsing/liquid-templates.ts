/** Liquid templates over the cells of rows, without any access to files and within limits. */
import { loadErrors } from '../load-errors.js';
import type { ParsedRecord } from '../parsed-value.js';

export interface LiquidRequest {
  readonly template: string;
  /** The variables of each row. */
  readonly rows: readonly ParsedRecord[];
  /** What relative_url and absolute_url put in front. */
  readonly baseUrl: string;
}

const limits = { parseLimit: 1_000_000, renderLimit: 1000, memoryLimit: 50_000_000 };

/** @throws data_error for a template that is wrong or takes too much */
export async function renderLiquid({ template, rows, baseUrl }: LiquidRequest): Promise<string[]> {
  const [{ Liquid }, { marked }] = await Promise.all([import('liquidjs'), import('marked')]);
  const engine = new Liquid({
    ...limits,
    ownPropertyOnly: true,
    // Templates that one template could name.
    templates: {},
    relativeReference: false,
  });
  engine.registerFilter('url_escape', (text: unknown) => encodeURIComponent(plain(text)));
  engine.registerFilter('markdownify', (text: unknown) => marked.parse(plain(text), { async: false }));
  engine.registerFilter('relative_url', (text: unknown) => joined(baseUrl, plain(text)));
  engine.registerFilter('absolute_url', (text: unknown) => joined(baseUrl, plain(text)));
  engine.registerFilter('to_i', (text: unknown) => Number.parseInt(plain(text), 10) || 0);
  try {
    const parsed = engine.parse(template);
    const rendered: string[] = [];
    for (const row of rows) rendered.push(String(await engine.render(parsed, { ...row })));
    return rendered;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw loadErrors.data(`A Liquid template cannot be rendered: ${reason.slice(0, 500)}`, {}, error);
  }
}

const plain = (value: unknown): string => {
  if (typeof value === 'string') return value;
  const isPlain = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
  return isPlain ? String(value) : '';
};

const joined = (base: string, path: string): string =>
  /^[a-z][a-z0-9+.-]*:/i.test(path) ? path : `${base.replace(/\/$/, '')}/${path.replace(/^\//, '')}`;
