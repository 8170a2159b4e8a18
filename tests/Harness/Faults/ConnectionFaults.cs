namespace Sluice.Harness.Faults;

/// <summary>Which way bytes go through a <see cref="FaultProxy"/>.</summary>
public enum FaultDirection
{
    /// <summary>From the client to the server: commands.</summary>
    ToServer,

    /// <summary>From the server to the client: replies.</summary>
    ToClient,
}

/// <summary>How a connection is cut.</summary>
public enum FaultCut
{
    /// <summary>Both sides see an orderly end (FIN) after the bytes so far; what they still send is thrown away.</summary>
    Close,

    /// <summary>Both sides are reset (RST): bytes that a side has not read yet are lost to it.</summary>
    Reset,

    /// <summary>The receiving side sees an orderly end; the other direction goes on.</summary>
    HalfClose,
}

/// <summary>What happens to the bytes of one connection in one direction. Positions count from the connection's first byte in this direction.</summary>
public sealed record DirectionFaults
{
    /// <summary>Bytes go through as they are.</summary>
    public static DirectionFaults None { get; } = new();

    /// <summary>The cut comes when so many bytes have gone through and another one arrives. Null: never.</summary>
    public long? CutAfter { get; init; }

    /// <summary>What the cut is.</summary>
    public FaultCut Cut { get; init; }

    /// <summary>After so many bytes nothing more goes through until <see cref="FaultProxy.Resume"/>. Null: never.</summary>
    public long? StallAfter { get; init; }

    /// <summary>The byte at this position is changed. Null: none.</summary>
    public long? FlipAt { get; init; }

    /// <summary>The bits that are changed there.</summary>
    public byte FlipMask { get; init; } = 0x01;

    /// <summary>Each byte is sent by itself.</summary>
    public bool Trickle { get; init; }

    /// <summary>How long the next byte waits when each is sent by itself.</summary>
    public TimeSpan TricklePause { get; init; }

    /// <summary>How long bytes wait before they go on, from the moment they were read; those that come meanwhile go on together, as late again.</summary>
    public TimeSpan Delay { get; init; }
}

/// <summary>What happens to one connection.</summary>
/// <param name="ToServer">In the direction of commands.</param>
/// <param name="ToClient">In the direction of replies.</param>
public sealed record ConnectionFaults(DirectionFaults ToServer, DirectionFaults ToClient)
{
    /// <summary>A connection without faults.</summary>
    public static ConnectionFaults None { get; } = new(DirectionFaults.None, DirectionFaults.None);

    /// <summary>The faults of one direction.</summary>
    public DirectionFaults this[FaultDirection direction] => direction == FaultDirection.ToServer ? ToServer : ToClient;
}
