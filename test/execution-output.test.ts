import { expect } from 'chai';
import { ExecutionOutput } from '../src/core/execution-output.js';

describe('the output of an execution', () => {
  it('shows what a terminal would have shown', () => {
    const output = new ExecutionOutput(1000, 7);
    output.add({ type: 'stdout', text: 'a\n' });
    output.add({ type: 'stderr', text: 'b\n' });
    output.add({ type: 'stdout', text: 'c\n' });
    output.add({ type: 'execute_result', data: { 'text/plain': '42' } });
    expect(output.toResult()).to.deep.equal({
      output: 'a\nb\nc\n42\n',
      stdout: 'a\nc\n',
      stderr: 'b\n',
      result: { 'text/plain': '42' },
      displays: [],
      truncated: false,
    });
  });

  it('keeps head and tail of long output and says how much is left out', () => {
    const output = new ExecutionOutput(20, 7);
    for (let index = 0; index < 1000; index += 1)
      output.add({ type: 'stdout', text: `${String(index).padStart(4, '0')}\n` });
    const { stdout, truncated, total_bytes } = output.toResult();
    expect(truncated).to.equal(true);
    const mark = 'get_output {"seq":7,"stream":"stdout","offset":10}';
    expect(stdout).to.equal(`0000\n0001\n\n… 4980 bytes left out; ${mark} reads them …\n0998\n0999\n`);
    expect(total_bytes).to.deep.equal({ output: 5000, stdout: 5000, stderr: 0 });
  });

  it('cuts nothing that fits exactly', () => {
    const output = new ExecutionOutput(10, 7);
    output.add({ type: 'stdout', text: '0123456789' });
    expect(output.toResult()).to.include({ stdout: '0123456789', truncated: false });
  });

  it('shows a display as it was last updated, and no update of an earlier run', () => {
    const output = new ExecutionOutput(1000, 7);
    const add = (text: string, display_id: string, update?: boolean) =>
      output.add({ type: 'display', data: { 'text/plain': text }, display_id, update });
    add('one', 'a');
    add('two', 'b');
    add('three', 'a', true);
    add('lost', 'of another run', true);
    expect(output.toResult().displays).to.deep.equal([{ 'text/plain': 'three' }, { 'text/plain': 'two' }]);
    expect(output.toResult().truncated).to.equal(false);
  });

  it('always shows the first display, and marks the gap when others do not fit', () => {
    const output = new ExecutionOutput(10, 7);
    output.add({ type: 'display', data: { 'image/png': 'x'.repeat(50) } });
    output.add({ type: 'display', data: { 'image/png': 'y'.repeat(50) } });
    expect(output.toResult().displays).to.have.length(1);
    expect(output.toResult().truncated).to.equal(true);
  });
});
