using System.Numerics;

namespace Sluice.Resp;

public sealed partial record RespClientOptions
{
    // Slower, and the wait for one dial would be longer than a wait can be.
    private const double LeastDialsPerSecond = 0.01;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">The message names the option, its value and what is allowed.</exception>
    public void Validate()
    {
        Require(Endpoint is not null, nameof(Endpoint), Endpoint, "a server");
        Require(Connections is >= 1 and <= MostConnections && BitOperations.IsPow2(Connections), nameof(Connections), Connections, $"a power of two from 1 to {MostConnections}");
        Require(RingSize is >= 16 and <= LargestRing && BitOperations.IsPow2(RingSize), nameof(RingSize), RingSize, $"a power of two from 16 to {LargestRing}");
        Require(CommandTimeout == Timeout.InfiniteTimeSpan || IsBetween(CommandTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(24)), nameof(CommandTimeout), CommandTimeout, "1 ms to 24 days, or infinite");
        Require(IsBetween(ConnectTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1)), nameof(ConnectTimeout), ConnectTimeout, "1 ms to a day");
        Require(IsZeroOrPeriod(PeerTimeout), nameof(PeerTimeout), PeerTimeout, "zero (never) or 10 ms to a day");
        Require(IsZeroOrPeriod(PingAfter), nameof(PingAfter), PingAfter, "zero (never) or 10 ms to a day");
        Require(BackoffFirst > TimeSpan.Zero && BackoffFirst <= TimeSpan.FromDays(1), nameof(BackoffFirst), BackoffFirst, "more than zero and at most a day");
        Require(IsBetween(BackoffCap, BackoffFirst, TimeSpan.FromDays(1)), nameof(BackoffCap), BackoffCap, $"{nameof(BackoffFirst)} ({BackoffFirst}) to a day");
        Require(DialBurst >= 1, nameof(DialBurst), DialBurst, "at least 1");
        Require(DialsPerSecond >= LeastDialsPerSecond && double.IsFinite(DialsPerSecond), nameof(DialsPerSecond), DialsPerSecond, "0.01 or more");
        Require(Database >= 0, nameof(Database), Database, "0 or more");
        Require(ClientName is null || IsName(ClientName), nameof(ClientName), ClientName, "null or printable ASCII characters without spaces");
        Require(Credentials is null || !string.IsNullOrEmpty(Credentials.Password), nameof(Credentials), Credentials, "null or a user with a password that is not empty");
        Require(BacklogCommands >= 0, nameof(BacklogCommands), BacklogCommands, "0 or more");
        Require(BacklogBytes >= 0, nameof(BacklogBytes), BacklogBytes, "0 or more");
        Require(MaxUnsentBytes >= 1024, nameof(MaxUnsentBytes), MaxUnsentBytes, "1,024 or more");
        Require(BlockingConnections is >= 0 and <= 10_000, nameof(BlockingConnections), BlockingConnections, "0 to 10,000");
        Require(Enum.IsDefined(Protocol), nameof(Protocol), Protocol, "a member of the enumeration");
        Require(Limits is not null, nameof(Limits), Limits, "a set of limits");
        Limits!.Validate();
        Tls?.Validate();
    }

    private static bool IsBetween(TimeSpan value, TimeSpan least, TimeSpan most) => value >= least && value <= most;

    private static bool IsZeroOrPeriod(TimeSpan value) => value == TimeSpan.Zero || IsBetween(value, TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1));

    // The server takes no other name; told here, because the handshake's error would end every attempt to connect.
    private static bool IsName(string name) => name.Length > 0 && !name.AsSpan().ContainsAnyExceptInRange('!', '~');

    private static void Require(bool holds, string option, object? value, string allowed)
    {
        if (!holds)
            throw new ArgumentOutOfRangeException(option, value, $"{nameof(RespClientOptions)}.{option} is {value ?? "null"}; it must be {allowed}.");
    }
}
