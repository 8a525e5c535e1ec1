/** What a Python session shows: rich forms by the protocol of notebooks, display objects, and bad representations. */
import { expect } from 'chai';
import { z } from 'zod';
import type { OutputEventBody } from '../src/types/events.js';
import { needs } from './support/needs.js';
import { PythonWorld, pythonSuite } from './support/python-world.js';

const leftOut = 'application/vnd.sojourn.left-out+json';

/** Only the standard library: an IPython of the machine is out of sight. */
const bare = `import sys\nsys.path[:] = [p for p in sys.path if '-packages' not in p]\n`;

const bundles = (outputs: readonly OutputEventBody[]) =>
  outputs.flatMap((output) => ('data' in output ? [output.data] : []));

describe('what a Python session shows', () => {
  const suite = pythonSuite({ interruptGraceMs: 200 });

  const show = async (code: string) => {
    const session = await suite.world.session();
    const report = await session.run(code);
    expect(report.outcome.error ?? null).to.equal(null);
    return report.outputs;
  };

  it('K-10: is the text of displays and of the last expression, in the order of the prints', async () => {
    const outputs = await show(`print('hi'); display('shown'); print('then')\n40 + 2`);
    expect(outputs.map((output) => ('text' in output ? output.text : bundles([output])[0]))).to.deep.equal([
      'hi\n',
      { 'text/plain': `'shown'` },
      'then\n',
      { 'text/plain': '42' },
    ]);
    expect(outputs.map(({ type }) => type)).to.deep.equal(['stdout', 'display', 'stdout', 'execute_result']);
  });

  it('has every form that a value offers, binary ones in base64, with their metadata', async () => {
    const outputs = await show(`class R:
    def __repr__(self): return 'R'
    def _repr_mimebundle_(self, include, exclude): return {'text/x': 'own'}, {'text/x': {'a': 1}}
    def _repr_html_(self): return '<b>'
    def _repr_markdown_(self): return '*m*', {'k': 2}
    def _repr_latex_(self): return '$l$'
    def _repr_svg_(self): return '<svg/>'
    def _repr_png_(self): return b'png'
    def _repr_jpeg_(self): return bytearray(b'jpeg')
    def _repr_json_(self): return {'deep': [1, None]}
    def _repr_javascript_(self): return 'alert()'
    def _repr_pdf_(self): return memoryview(b'pdf')
R()`);
    expect(outputs).to.deep.equal([
      {
        type: 'execute_result',
        input_seq: 1,
        data: {
          'text/x': 'own',
          'text/plain': 'R',
          'text/html': '<b>',
          'text/markdown': '*m*',
          'text/latex': '$l$',
          'image/svg+xml': '<svg/>',
          'image/png': 'cG5n',
          'image/jpeg': 'anBlZw==',
          'application/json': { deep: [1, null] },
          'application/javascript': 'alert()',
          'application/pdf': 'cGRm',
        },
        metadata: { 'text/x': { a: 1 }, 'text/markdown': { k: 2 } },
      },
    ]);
  });

  it('has no JSON of a plain dict, and only text of a class', async () => {
    const outputs = await show(
      `display({'a': 1})\nclass C:\n    def _repr_html_(self): return '<b>'\ndisplay(C)`,
    );
    expect(bundles(outputs)).to.deep.equal([
      { 'text/plain': `{'a': 1}` },
      { 'text/plain': `<class '__main__.C'>` },
    ]);
  });

  it('leaves it to a value to show itself, unless that value cannot', async () => {
    const outputs = await show(`class Own:
    def _ipython_display_(self): print('by itself')
class Not(Own):
    def _ipython_display_(self): raise NotImplementedError
    def __repr__(self): return 'Not'
display(Not())
Own()`);
    expect(bundles(outputs)).to.deep.equal([{ 'text/plain': 'Not' }]);
    expect(outputs.at(-1)).to.include({ type: 'stdout', text: 'by itself\n' });
  });

  it('can be updated under an id, and given as a bundle', async () => {
    const outputs = await show(`handle = display('one', display_id='d')
handle.update('two')
display({'text/plain': 'raw', 'image/png': b'x'}, raw=True, metadata={'k': 1})
display('new', display_id=True).display_id == handle.display_id`);
    expect(outputs.slice(0, 3)).to.deep.equal([
      { type: 'display', data: { 'text/plain': `'one'` }, display_id: 'd', input_seq: 1 },
      { type: 'display', data: { 'text/plain': `'two'` }, display_id: 'd', update: true, input_seq: 1 },
      {
        type: 'display',
        data: { 'text/plain': 'raw', 'image/png': 'eA==' },
        metadata: { k: 1 },
        input_seq: 1,
      },
    ]);
    expect(bundles(outputs).at(-1)).to.deep.equal({ 'text/plain': 'False' });
  });

  it('is chosen with include and exclude; the text is always there', async () => {
    const outputs = await show(`class R:
    def __repr__(self): return 'R'
    def _repr_html_(self): return '<b>'
    def _repr_latex_(self): return '$l$'
display(R(), include=['text/html']); display(R(), exclude='text/html')`);
    expect(bundles(outputs)).to.deep.equal([
      { 'text/plain': 'R', 'text/html': '<b>' },
      { 'text/plain': 'R', 'text/latex': '$l$' },
    ]);
  });

  it('refuses a wrong use of display with an error of the code', async () => {
    const session = await suite.world.session();
    for (const code of [
      `display(1, raw=True)`,
      `display(1, update=True)`,
      `display(1, display_id='x' * 201)`,
    ]) {
      expect((await session.run(code)).outcome.error?.name).to.match(/^(Type|Value)Error$/);
    }
  });

  it('K-10: has the display objects of notebooks where no IPython is installed', async () => {
    const outputs = await show(`${bare}from IPython.display import (
    display, HTML, JSON, SVG, Markdown, Image, Latex, Javascript, clear_output)
clear_output(wait=True)
display(JSON({'a': 1})); display(JSON('[1]')); display(SVG('<svg/>')); display(HTML('<b>x</b>'))
display(Markdown('*m*'), Latex('$l$'), Javascript('f()'))
display(Image(data=b'\\x89PNG', width=30), Image(url='http://x/?a="'))
open('a.html', 'w').write('<i>'); HTML(filename='a.html')`);
    const name = (kind: string) => ({ 'text/plain': `<IPython.core.display.${kind} object>` });
    expect(bundles(outputs)).to.deep.equal([
      { ...name('JSON'), 'application/json': { a: 1 } },
      { ...name('JSON'), 'application/json': [1] },
      { ...name('SVG'), 'image/svg+xml': '<svg/>' },
      { ...name('HTML'), 'text/html': '<b>x</b>' },
      { ...name('Markdown'), 'text/markdown': '*m*' },
      { ...name('Latex'), 'text/latex': '$l$' },
      { ...name('Javascript'), 'application/javascript': 'f()' },
      { ...name('Image'), 'image/png': 'iVBORw==' },
      { ...name('Image'), 'text/html': '<img src="http://x/?a=&quot;"/>' },
      { ...name('HTML'), 'text/html': '<i>' },
    ]);
    expect(outputs[8]).to.deep.include({ metadata: { 'image/png': { width: 30 } } });
  });

  it('keeps display objects and handles in a checkpoint', async () => {
    const session = await suite.world.session();
    await session.run(`${bare}from IPython.display import HTML, display
page = HTML('<b>'); handle = display('one', display_id='d')`);
    const saved = await session.save();
    expect(saved.content.not_kept).to.deep.equal([]);
    const fresh = await suite.world.session();
    expect(await fresh.restore(saved)).to.deep.equal({ not_kept: [] });
    const report = await fresh.run(`handle.update('two'); page`);
    expect(bundles(report.outputs)).to.deep.equal([
      { 'text/plain': `'two'` },
      { 'text/plain': '<IPython.core.display.HTML object>', 'text/html': '<b>' },
    ]);
  });

  it('offers no IPython beyond what it has', async () => {
    const session = await suite.world.session();
    const report = await session.run(`${bare}import IPython\nassert IPython.get_ipython() is None
import IPython.terminal`);
    expect(report.outcome.error?.name).to.equal('ModuleNotFoundError');
  });

  it('names the forms that fail, are too large or are no JSON, and shows the others', async () => {
    const outputs = await show(`class R:
    def __repr__(self): return 'R'
    def _repr_mimebundle_(self, include, exclude): return {'text/a': 'a' * (17 << 20), 'text/b': 5 + 0j, 'text/c': 'c'}
    def _repr_html_(self): return '<b>' * (50 << 20)
    def _repr_svg_(self): raise SystemExit('no')
    def _repr_json_(self): return {'n': float('nan')}
R()`);
    const data = bundles(outputs)[0] ?? {};
    const { 'application/json': json } = z.record(z.string(), z.string()).parse(data[leftOut]);
    expect(data).to.deep.equal({
      'text/plain': 'R',
      'text/c': 'c',
      [leftOut]: {
        'text/a': '17825792 bytes; one form may have 16777216',
        'text/b': 'TypeError: complex is not JSON',
        'text/html': '157286400 bytes; one form may have 16777216',
        'image/svg+xml': 'SystemExit: no',
        'application/json': json,
      },
    });
    expect(json).to.match(/^ValueError: Out of range float values are not JSON compliant/);
  });

  it('keeps all forms of one value within a frame of the wire', async () => {
    const outputs = await show(`class R:
    def __repr__(self): return 'R'
for name in ('html', 'markdown', 'latex', 'svg'):
    setattr(R, '_repr_%s_' % name, lambda self: 'é' * (2 << 20))
R()`);
    expect(Object.keys(bundles(outputs)[0] ?? {})).to.deep.equal([
      'text/plain',
      'text/html',
      'text/markdown',
      'text/latex',
      leftOut,
    ]);
  });

  it('has a text that says why, where a repr raises or is no text', async () => {
    const outputs = await show(`class Raises:
    def __repr__(self): return 1 / 0
class Number:
    def __repr__(self): return 5
class Exits:
    def __repr__(self): raise SystemExit(3)
class Odd(Exception):
    def __str__(self): raise self
class Mute:
    def __repr__(self): raise Odd
display(Raises(), Number(), Exits())
Mute()`);
    expect(bundles(outputs).map((data) => data['text/plain'])).to.deep.equal([
      '<Raises object; its repr() failed: ZeroDivisionError: division by zero>',
      '<Number object; its repr() failed: TypeError: __repr__ returned non-string (type int)>',
      '<Exits object; its repr() failed: SystemExit: 3>',
      '<Mute object; its repr() failed: Odd>',
    ]);
  });

  it('is not misled by values that lie about their class, attributes and text', async () => {
    const outputs = await show(`class Meta(type):
    def __getattr__(cls, name): raise SystemExit(name)
    def __eq__(cls, other): raise SystemExit('eq')
    def __instancecheck__(cls, value): raise SystemExit('instance')
    __hash__ = type.__hash__
class Liar(metaclass=Meta):
    __class__ = property(lambda self: str)
    def __getattribute__(self, name): raise SystemExit(name)
    def __repr__(self): return Text('a liar')
class Text(str):
    def __len__(self): return -1
    def __getitem__(self, place): return 1 / 0
display(Liar())
class Html:
    def __repr__(self): return 'html'
    def _repr_html_(self): return Text('<b>')
Html()`);
    expect(bundles(outputs)).to.deep.equal([
      { 'text/plain': 'a liar' },
      { 'text/plain': 'html', 'text/html': '<b>' },
    ]);
  });

  it('cuts the text of a repr that is very large', async () => {
    const outputs = await show(`class Large:\n    def __repr__(self): return 'x' * (200 << 20)\nLarge()`);
    expect(String(bundles(outputs)[0]?.['text/plain'])).to.have.length((1 << 20) + '… (cut)'.length);
  });

  it('comes after what its repr prints', async () => {
    const outputs = await show(`class Loud:\n    def __repr__(self): print('said'); return 'Loud'\nLoud()`);
    expect(outputs.map(({ type }) => type)).to.deep.equal(['stdout', 'execute_result']);
  });

  it('ends with the run when a repr or a rich form never ends', async () => {
    const session = await suite.world.session();
    for (const method of ['__repr__', '_repr_html_', '_ipython_display_']) {
      const controller = new AbortController();
      session.onOutput = () => controller.abort('timeout');
      const code = `class Endless:\n    def ${method}(self):\n        print('on')\n        while True: pass\nEndless()`;
      const { outcome } = await session.run(code, { signal: controller.signal });
      expect(outcome.status, method).to.equal('timeout');
    }
    expect(await session.value('1')).to.equal('1');
  });
});

describe('the display objects of a real IPython', () => {
  before(async function () {
    await needs.pythonModule(this, 'IPython');
  });
  afterEach(() => PythonWorld.closeAll());

  it('are shown by its own display() too, which would print where there is no notebook', async () => {
    const world = await PythonWorld.open();
    const session = await world.session();
    const report = await session.run(`from IPython.display import display, JSON, update_display, clear_output
display(JSON({'a': 1}), display_id='d'); update_display('two', display_id='d'); clear_output()`);
    expect(report.outputs.at(-1)).to.deep.equal({ type: 'clear_output', wait: false, input_seq: 1 });
    expect(bundles(report.outputs)).to.deep.equal([
      { 'text/plain': '<IPython.core.display.JSON object>', 'application/json': { a: 1 } },
      { 'text/plain': `'two'` },
    ]);
  });
});
