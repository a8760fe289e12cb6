import { ActionIcon, type MantineColorScheme, useMantineColorScheme } from '@mantine/core';
import { type LucideIcon, Moon, Sun, SunMoon } from 'lucide-react';

/** schemes is what can be chosen; auto follows the system. */
export const schemes: readonly { value: MantineColorScheme; label: string; icon: LucideIcon }[] = [
  { value: 'auto', label: 'as the system', icon: SunMoon },
  { value: 'light', label: 'light', icon: Sun },
  { value: 'dark', label: 'dark', icon: Moon },
];

/** SchemeSwitch goes through the schemes, one at each click. */
export function SchemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const at = Math.max(0, schemes.findIndex(({ value }) => value === colorScheme));
  const { label, icon: Icon } = schemes[at] ?? { label: '', icon: SunMoon };
  const next = schemes[(at + 1) % schemes.length];
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={`Colours: ${label}. Change to ${next?.label}`}
      title={`Colours: ${label}`}
      onClick={() => next && setColorScheme(next.value)}
    >
      <Icon size={18} aria-hidden="true" />
    </ActionIcon>
  );
}
