namespace Sluice.Resp;

/// <summary>How <see cref="RespSocketTransport"/> makes its connections. Immutable.</summary>
public sealed record RespTransportOptions
{
    /// <summary>The longest time for one connect: resolving the name, trying the addresses and the TLS handshake together. Default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long one address of several may take before the next one is tried beside it (RFC 8305 calls it the connection attempt delay). Default 250 ms.
    /// </summary>
    public TimeSpan NextAddressAfter { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Sends small writes at once (TCP_NODELAY). Default true: the client gathers writes itself.</summary>
    public bool NoDelay { get; init; } = true;

    /// <summary>
    /// How long a TCP connection may be idle before the kernel asks whether the peer is still there, in whole seconds, rounded up. Default 5 s; zero
    /// switches keep-alive off.
    /// </summary>
    public TimeSpan KeepAliveTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The time between two unanswered keep-alive probes, in whole seconds, rounded up. Default 1 s.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many unanswered probes end the connection. Default 5.</summary>
    public int KeepAliveProbes { get; init; } = 5;

    /// <summary>
    /// How long sent bytes may stay unacknowledged, or unsent because the peer takes none, before the kernel ends the connection
    /// (TCP_USER_TIMEOUT, RFC 5482; Linux only, elsewhere it has no effect). Default 10 s; zero leaves it to the system, which may take a quarter of
    /// an hour. A server that is alive but does not read for so long while its window is closed loses the connection too.
    /// </summary>
    public TimeSpan UserTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a reader asks again and again before it sleeps, as long as that pays: answers that come sooner cost less processor time and come
    /// without the delay of being woken. After some waits in vain it sleeps at once for a while. Default 20 microseconds; zero always sleeps.
    /// </summary>
    public TimeSpan SpinTime { get; init; } = TimeSpan.FromMicroseconds(20);

    /// <summary>The kernel's send buffer in bytes; null (the default) leaves it to the system, which sizes it by need.</summary>
    public int? SendBufferBytes { get; init; }

    /// <summary>The kernel's receive buffer in bytes; null (the default) leaves it to the system, which sizes it by need.</summary>
    public int? ReceiveBufferBytes { get; init; }

    /// <summary>How to encrypt; null (the default) does not. Unix-domain sockets are encrypted too if this is set.</summary>
    public RespTlsOptions? Tls { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The message names the option, its value and what is allowed.</exception>
    public void Validate()
    {
        Require(ConnectTimeout > TimeSpan.Zero && ConnectTimeout <= TimeSpan.FromDays(1), nameof(ConnectTimeout), ConnectTimeout, "more than zero and at most a day");
        Require(NextAddressAfter > TimeSpan.Zero && NextAddressAfter <= TimeSpan.FromDays(1), nameof(NextAddressAfter), NextAddressAfter, "more than zero and at most a day");
        Require(KeepAliveTime >= TimeSpan.Zero && KeepAliveTime <= TimeSpan.FromHours(9), nameof(KeepAliveTime), KeepAliveTime, "zero (off) to 9 hours");
        Require(KeepAliveInterval > TimeSpan.Zero && KeepAliveInterval <= TimeSpan.FromHours(9), nameof(KeepAliveInterval), KeepAliveInterval, "more than zero and at most 9 hours");
        Require(KeepAliveProbes is >= 1 and <= 127, nameof(KeepAliveProbes), KeepAliveProbes, "1 to 127");
        Require(UserTimeout >= TimeSpan.Zero && UserTimeout <= TimeSpan.FromDays(1), nameof(UserTimeout), UserTimeout, "zero (the system's) to a day");
        Require(SpinTime >= TimeSpan.Zero && SpinTime <= TimeSpan.FromMilliseconds(1), nameof(SpinTime), SpinTime, "zero (off) to a millisecond");
        Require(SendBufferBytes is null or > 0, nameof(SendBufferBytes), SendBufferBytes, "null or more than zero");
        Require(ReceiveBufferBytes is null or > 0, nameof(ReceiveBufferBytes), ReceiveBufferBytes, "null or more than zero");
        Tls?.Validate();
    }

    private static void Require(bool holds, string option, object? value, string allowed)
    {
        if (!holds)
            throw new ArgumentOutOfRangeException(option, value, $"{nameof(RespTransportOptions)}.{option} must be {allowed}.");
    }
}
