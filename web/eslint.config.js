import js from '@eslint/js';
import a11y from 'eslint-plugin-jsx-a11y';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

export default ts.config(
  { ignores: ['dist', 'node_modules', 'src/api/schema.gen.ts'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  {
    files: ['src/**/*.{ts,tsx}'],
    ...a11y.flatConfigs.recommended,
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      // One module talks to the API.
      'no-restricted-globals': ['error', { name: 'fetch', message: 'ask through src/api' }, { name: 'EventSource', message: 'listen through src/live' }],
      'no-restricted-syntax': ['error', { selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]', message: 'text of others is text' }],
    },
  },
  { files: ['src/api/client.ts', 'src/**/*.test.{ts,tsx}'], rules: { 'no-restricted-globals': 'off' } },
  {
    files: ['scripts/**', 'public/**'],
    languageOptions: { globals: { URL: 'readonly', console: 'readonly', process: 'readonly', document: 'readonly', localStorage: 'readonly', matchMedia: 'readonly' } },
    rules: { '@typescript-eslint/no-unused-vars': 'off', 'no-var': 'off' },
  },
);
