/** A table that comes as text, described, correlated, drawn, or handed to code: once, without a session. */
import { z } from 'zod';
import { defineStatelessOperation } from '../../types/engine.js';
import type { PythonEngine } from './python-engine.js';

export const analyzeData = defineStatelessOperation({
  name: 'analyze_data',
  summary:
    'Describes, correlates or draws a table given as CSV or JSON; needs pandas, and matplotlib to draw.',
  params: z.strictObject({
    data: z
      .string()
      .describe('JSON when it begins with [ or { (rows, or columns by name), else CSV with a header.'),
    analysis_type: z.enum(['describe', 'correlation', 'plot', 'custom']).default('describe'),
    plot_type: z.enum(['histogram', 'scatter', 'line', 'bar', 'box', 'heatmap']).default('histogram'),
    columns: z.array(z.string()).max(1000).optional().describe('Only these, in this order.'),
    custom_code: z
      .string()
      .default('')
      .describe('For `custom`: what it prints and draws; the table is `df`.'),
  }),
  http: [{ method: 'POST', path: '/analyze_data' }],
  code: ({ analysis_type, custom_code }) => (analysis_type === 'custom' ? custom_code : undefined),
  run: (engine: PythonEngine, { columns = null, ...params }, context) =>
    engine.run('analyze', { columns, ...params }, context),
});
