using System.Diagnostics.CodeAnalysis;
using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    private Exception? _credentialsFault;
    private int _credentialsChanges;

    /// <summary>Why open connections could not authenticate again the last time; null when they did. They go on with the old credentials.</summary>
    public Exception? CredentialsFault => Volatile.Read(ref _credentialsFault);

    /// <summary>One round at a time: two at once could send the older credentials last. Changes that come during a round are one more round together.</summary>
    [SuppressMessage("Usage", "VSTHRD100", Justification = "An event handler; everything is caught.")]
    private async void OnCredentialsChanged(object? sender, EventArgs e)
    {
        _links.Credentials.Advance();
        if (Interlocked.Increment(ref _credentialsChanges) != 1)
            return;
        int changes;
        do
        {
            changes = Volatile.Read(ref _credentialsChanges);
            Volatile.Write(ref _credentialsFault, await ReauthenticateAsync().ConfigureAwait(false));
        }
        while (Interlocked.Add(ref _credentialsChanges, -changes) != 0);
    }

    private async Task<Exception?> ReauthenticateAsync()
    {
        Exception? fault = null;
        try
        {
            _blocking.DiscardIdle();
            long version = _links.Credentials.Version;
            if (await _links.Credentials.GetAsync().ConfigureAwait(false) is not { } credentials)
                return null;
            // All at once: what is asked for later goes behind them.
            Task<Exception?>[] answers = [.. OpenLinks().Select(link => ReauthenticateAsync(link, credentials, version))];
            foreach (Task<Exception?> answer in answers)
                fault = await answer.ConfigureAwait(false) ?? fault;
        }
        catch (Exception failed)
        {
            // The provider's own failure: it says so again at the next handshake.
            fault = failed;
        }

        return fault;
    }

    /// <summary>A connection that is being made may have asked before the change: it is waited for, and looked at when it is there.</summary>
    private async Task<Exception?> ReauthenticateAsync(ClientLink link, RespCredentials credentials, long version)
    {
        try
        {
            if (link.Link.Current is null)
            {
                if (!link.Handshake.HasBegun)
                    return null;
                using CancellationTokenSource late = new(Options.ConnectTimeout);
                try
                {
                    await link.Link.OpenAsync(failFast: true, late.Token).ConfigureAwait(false);
                }
                catch (Exception lost) when (lost is RespException or OperationCanceledException)
                {
                    // No connection; the next one asks when it greets.
                    return null;
                }
            }

            if (!link.Handshake.IsStale)
                return null;
            await Authenticate(link.Link, credentials).ConfigureAwait(false);
            // After the answer: where it went over a connection that was greeted meanwhile, these are what holds there now, and the next round mends it.
            link.Handshake.Reauthenticated(version);
            return null;
        }
        catch (RespServerException refusal)
        {
            return new RespAuthenticationException($"{Options.Endpoint} refused new credentials of user '{credentials.EffectiveUser}': {refusal.Token}", refusal.Text.Contains(credentials.Password, StringComparison.Ordinal) ? null : refusal);
        }
        catch (RespException lost)
        {
            return lost;
        }
    }

    private static ValueTask Authenticate(RespLink link, RespCredentials credentials)
    {
        // Large enough, for growing would leave the password in pooled memory.
        byte[] scratch = new byte[128 + System.Text.Encoding.UTF8.GetMaxByteCount(credentials.EffectiveUser.Length + credentials.Password.Length)];
        RespCommandWriter writer = new(scratch);
        writer.Write("AUTH"u8);
        if (!string.IsNullOrEmpty(credentials.User))
            writer.Write(credentials.User);
        writer.Write(credentials.Password);
        ReplySlot slot = link.Rent(ReplyKind.Nothing, default);
        slot.HoldsSecret = true;
        ValueTask task = new(slot, slot.Token);
        link.Send(writer.Complete(), slot);
        writer.Dispose();
        Array.Clear(scratch);
        return task;
    }

    private List<ClientLink> OpenLinks()
    {
        List<ClientLink> links = [.. _commands];
        lock (_gate)
        {
            if (_messages is not null)
                links.Add(_messages);
            links.AddRange(_cacheLinks);
        }

        return links;
    }
}
