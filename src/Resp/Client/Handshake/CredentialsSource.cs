namespace Sluice.Resp.Client;

/// <summary>
/// Whom to authenticate as, asked of the provider anew for each handshake, and a number that tells whether what a connection was greeted with is still the newest.
/// </summary>
/// <remarks>Any thread. The number is read before the provider is asked: credentials that change in between make a connection look stale, never fresh.</remarks>
internal sealed class CredentialsSource(RespClientOptions options)
{
    // Not disposed: nothing but cancellation is asked of it, and handshakes may still look at it.
    private readonly CancellationTokenSource _closing = new();
    private long _version;

    /// <summary>How often the credentials have changed.</summary>
    public long Version => Volatile.Read(ref _version);

    /// <summary>They have changed: what was authenticated before is stale.</summary>
    public void Advance() => Interlocked.Increment(ref _version);

    /// <summary>The client is closed: nobody waits for the provider any more.</summary>
    public void Close()
    {
        // On the pool: what a provider registered with the token must not hold up the end.
        _ = _closing.CancelAsync();
    }

    /// <summary>Asks. A provider that hangs is left alone after the connect time-out, or when the client is closed.</summary>
    /// <returns>Null: none are needed.</returns>
    /// <exception cref="RespAuthenticationException">The provider has none that could be sent.</exception>
    /// <exception cref="OperationCanceledException">It took too long, or the client was closed.</exception>
    public async ValueTask<RespCredentials?> GetAsync()
    {
        if (options.CredentialsProvider is not { } provider)
            return options.Credentials;
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        late.CancelAfter(options.ConnectTimeout);
        RespCredentials? credentials = await provider.GetAsync(late.Token).AsTask().WaitAsync(late.Token).ConfigureAwait(false);
        return string.IsNullOrEmpty(credentials?.Password)
            ? throw new RespAuthenticationException($"{nameof(RespClientOptions)}.{nameof(RespClientOptions.CredentialsProvider)} returned {(credentials is null ? "null" : "an empty password")}; it must return a user with a password that is not empty.")
            : credentials;
    }
}
