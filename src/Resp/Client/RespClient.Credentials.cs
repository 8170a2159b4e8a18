using System.Diagnostics.CodeAnalysis;
using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    private Exception? _credentialsFault;

    /// <summary>Why open connections could not authenticate again the last time; null when they did. They go on with the old credentials.</summary>
    public Exception? CredentialsFault => Volatile.Read(ref _credentialsFault);

    [SuppressMessage("Usage", "VSTHRD100", Justification = "An event handler; everything is caught.")]
    private async void OnCredentialsChanged(object? sender, EventArgs e)
    {
        Exception? fault = null;
        try
        {
            using CancellationTokenSource late = new(Options.ConnectTimeout);
            RespCredentials credentials = await Options.CredentialsProvider!.GetAsync(late.Token).ConfigureAwait(false);
            // All at once: what is asked for later goes behind them.
            Task<Exception?>[] answers = [.. OpenLinks().Select(link => ReauthenticateAsync(link, credentials))];
            _blocking.DiscardIdle();
            foreach (Task<Exception?> answer in answers)
                fault = await answer.ConfigureAwait(false) ?? fault;
        }
        catch (Exception failed)
        {
            // The provider's own failure: it says so again at the next handshake.
            fault = failed;
        }

        Volatile.Write(ref _credentialsFault, fault);
    }

    /// <summary>A connection that is being made asks for itself.</summary>
    private async Task<Exception?> ReauthenticateAsync(ClientLink link, RespCredentials credentials)
    {
        if (link.Link.Current is null)
            return null;
        try
        {
            await Authenticate(link.Link, credentials).ConfigureAwait(false);
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
        RespCommandWriter writer = new(stackalloc byte[512]);
        writer.Write("AUTH"u8);
        if (!string.IsNullOrEmpty(credentials.User))
            writer.Write(credentials.User);
        writer.Write(credentials.Password);
        ReplySlot slot = link.Rent(ReplyKind.Nothing, default);
        ValueTask task = new(slot, slot.Token);
        link.Send(writer.Complete(), slot);
        writer.Dispose();
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
