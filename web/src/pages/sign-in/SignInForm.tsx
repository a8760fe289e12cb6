import { Button, PasswordInput } from '@mantine/core';
import { type FormEvent, useEffect, useRef, useState } from 'react';

import { useSession } from '../../app/session';
import { Problem } from '../../api/problem';
import { ErrorNotice } from '../../parts/ErrorNotice';
import classes from './SignIn.module.css';

/** SignInForm takes a key. What was wrong with it stands beside it, and what was typed stays. */
export function SignInForm() {
  const { signIn } = useSession();
  const [key, setKey] = useState('');
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  // Nothing else can be done here.
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (busy || key.trim() === '') return;
    setBusy(true);
    setError(undefined);
    try {
      await signIn(key.trim());
    } catch (refusal) {
      setError(refusal);
    } finally {
      setBusy(false);
    }
  }

  const wrongKey = error instanceof Problem && (error.status === 403 || error.status === 401);
  return (
    <form onSubmit={(event) => void submit(event)} className={classes.form}>
      {/* Password managers file the key under a name. */}
      <input type="text" name="username" autoComplete="username" value="dream" readOnly hidden />
      <PasswordInput
        ref={field}
        label="Key"
        name="key"
        size="md"
        autoComplete="current-password"
        autoCapitalize="off"
        spellCheck={false}
        value={key}
        onChange={(event) => setKey(event.currentTarget.value)}
        error={wrongKey ? 'This key opens nothing. Check that all of it was copied, and that it was not replaced.' : undefined}
        visibilityToggleButtonProps={{ 'aria-label': 'Show the key' }}
        data-autofocus
        required
        withAsterisk={false}
      />
      {error !== undefined && !wrongKey && <ErrorNotice error={error} urgent />}
      <Button type="submit" size="md" loading={busy} fullWidth>
        Sign in
      </Button>
    </form>
  );
}
