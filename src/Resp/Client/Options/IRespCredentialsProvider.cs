namespace Sluice.Resp;

/// <summary>Credentials that change while the client lives: tokens that expire, passwords that are rotated.</summary>
/// <remarks>Thread-safe: several connections may ask at once.</remarks>
public interface IRespCredentialsProvider
{
    /// <summary>Raised when the credentials have changed: every open connection authenticates again, without losing a command. Any thread.</summary>
    event EventHandler? Changed;

    /// <summary>What to authenticate with now. Called before every handshake, within the connect time-out and on a thread of the connection's own, and after <see cref="Changed"/>.</summary>
    /// <param name="cancellationToken">Cancelled at the connect time-out or when the client is closed; whoever ignores it is waited for no longer, but must not block the thread that calls.</param>
    /// <returns>A user with a password that is not empty; anything else fails the handshake with <see cref="RespAuthenticationException"/>.</returns>
    ValueTask<RespCredentials> GetAsync(CancellationToken cancellationToken);
}
