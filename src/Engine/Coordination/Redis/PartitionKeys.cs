using System.Globalization;
using System.Text;

namespace Sluice.Coordination.Redis;

/// <summary>
/// The keys of one partition. They share a hash tag, so one script may touch all of them, in a cluster too; which key holds what is said at the top of
/// <c>prelude.lua</c>. Immutable.
/// </summary>
internal sealed class PartitionKeys
{
    private readonly string _tag;

    public PartitionKeys(string space, int partition)
    {
        _tag = string.Create(CultureInfo.InvariantCulture, $"{{{space}:{partition}}}:");
        OwnedPrefix = _tag + "o:";
        Meta = Key('m');
        Leases = Key('l');
        Tombstones = Key('t');
        PurgeQueue = Key('u');
        Fenced = Key('f');
        Open = Key('r');
        OpenLarge = Key('b');
        Due = Key('d');
        Sealed = Key('s');
        SealedLarge = Key('h');
        Claims = Key('q');
        Parked = Key('k');
        DeadLetters = Key('x');
        DeadLetterNames = Key('y');
    }

    public byte[] Meta { get; }

    public byte[] Leases { get; }

    public byte[] Tombstones { get; }

    public byte[] PurgeQueue { get; }

    public byte[] Fenced { get; }

    public byte[] Open { get; }

    public byte[] OpenLarge { get; }

    public byte[] Due { get; }

    public byte[] Sealed { get; }

    public byte[] SealedLarge { get; }

    public byte[] Claims { get; }

    public byte[] Parked { get; }

    public byte[] DeadLetters { get; }

    public byte[] DeadLetterNames { get; }

    /// <summary>What the keys of owned sets begin with.</summary>
    public string OwnedPrefix { get; }

    /// <summary>What an incarnation owns.</summary>
    public byte[] Owned(IncarnationId incarnation) => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{OwnedPrefix}{incarnation}"));

    /// <summary>As <see cref="Owned"/>, into memory that has room for <see cref="OwnedPrefix"/> and a name.</summary>
    public int WriteOwned(Span<byte> destination, IncarnationId incarnation)
    {
        int prefix = Encoding.ASCII.GetBytes(OwnedPrefix, destination);
        return prefix + incarnation.Write(destination[prefix..]);
    }

    private byte[] Key(char role) => Encoding.ASCII.GetBytes(_tag + role);
}
