// The look: quiet greys with a trace of the accent's hue, one accent, borders instead of shadows, figures that stand in
// columns. Contrast is AA in both schemes; base.css has the colours that the parts use.
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

const iris: MantineColorsTuple = ['#f1f0fb', '#e0ddf6', '#c4beee', '#a69de4', '#8d82dc', '#7365d2', '#5d4fc4', '#4b3fb5', '#3d3396', '#302878'];
const slate: MantineColorsTuple = ['#d9dbe4', '#bfc2cf', '#9ea2b3', '#7c8095', '#545868', '#3a3d4a', '#2b2e39', '#20222b', '#181a21', '#111318'];
const ash: MantineColorsTuple = ['#f8f8fa', '#f2f2f5', '#e8e8ed', '#dbdbe2', '#c5c6d0', '#9b9dab', '#787b8b', '#5a5d6c', '#3d404d', '#262832'];

export const theme = createTheme({
  primaryColor: 'iris',
  primaryShade: { light: 7, dark: 6 },
  colors: { iris, dark: slate, gray: ash },
  black: '#1c1e26',
  defaultRadius: 'md',
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '12px', xl: '16px' },
  fontFamily: 'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: '0.8rem', sm: '0.875rem', md: '0.9375rem', lg: '1.0625rem', xl: '1.25rem' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.55', lg: '1.5', xl: '1.4' },
  headings: {
    fontWeight: '620',
    sizes: {
      h1: { fontSize: '1.625rem', lineHeight: '1.25' },
      h2: { fontSize: '1.125rem', lineHeight: '1.35' },
      h3: { fontSize: '0.9688rem', lineHeight: '1.4' },
    },
  },
  focusRing: 'auto',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'sm' } },
    // Their <header> would be a second banner of the page.
    Modal: { defaultProps: { attributes: { header: { role: 'none' } }, centered: true, radius: 'lg', overlayProps: { backgroundOpacity: 0.45 }, closeButtonProps: { 'aria-label': 'Close' } } },
    Drawer: { defaultProps: { attributes: { header: { role: 'none' } }, overlayProps: { backgroundOpacity: 0.45 }, closeButtonProps: { 'aria-label': 'Close' } } },
    // Their lists stay where they belong, so that they are part of the page's landmarks.
    Select: { defaultProps: { comboboxProps: { withinPortal: false } } },
    MultiSelect: { defaultProps: { comboboxProps: { withinPortal: false } } },
    Popover: { defaultProps: { withinPortal: false } },
    Tooltip: { defaultProps: { openDelay: 300, multiline: true, maw: 320, withinPortal: true } },
  },
});

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#fbfbfc',
    '--mantine-color-text': '#1c1e26',
    '--mantine-color-dimmed': '#5a5d6c',
    '--mantine-color-anchor': '#4b3fb5',
    '--mantine-color-error': '#b3261e',
    '--mantine-color-placeholder': '#6b6e7e',
    '--mantine-color-default-border': '#d3d4dc',
  },
  dark: {
    '--mantine-color-body': '#14161b',
    '--mantine-color-text': '#e4e5ec',
    '--mantine-color-dimmed': '#a3a6b6',
    '--mantine-color-anchor': '#b3abf0',
    '--mantine-color-error': '#f2978f',
    '--mantine-color-placeholder': '#8d90a2',
    '--mantine-color-default-border': '#363944',
  },
});
