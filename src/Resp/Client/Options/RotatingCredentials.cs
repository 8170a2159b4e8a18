namespace Sluice.Resp;

/// <summary>Credentials that are replaced by a call: <see cref="Rotate"/>.</summary>
/// <remarks>Thread-safe.</remarks>
/// <param name="credentials">The first ones.</param>
public sealed class RotatingCredentials(RespCredentials credentials) : IRespCredentialsProvider
{
    private RespCredentials _credentials = credentials ?? throw new ArgumentNullException(nameof(credentials));

    /// <inheritdoc/>
    public event EventHandler? Changed;

    /// <inheritdoc/>
    public ValueTask<RespCredentials> GetAsync(CancellationToken cancellationToken) => new(Volatile.Read(ref _credentials));

    /// <summary>New connections use these, open ones authenticate again.</summary>
    public void Rotate(RespCredentials next)
    {
        ArgumentNullException.ThrowIfNull(next);
        Volatile.Write(ref _credentials, next);
        Changed?.Invoke(this, EventArgs.Empty);
    }
}
