using System.Buffers;
using System.ComponentModel;
using Sluice.Aggregates.Distinct;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>The registers of a HyperLogLog sketch.</summary>
/// <remarks>
/// Code that generated code calls; not meant to be used directly. A mutable value that its holder guards. Up to <see cref="SparseCapacity"/>
/// registers are kept as a sorted list that grows by doubling; beyond that all of them, a byte each (16 KiB), after which a merge never allocates.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct DistinctState : IFieldState, IEntryState<string, DistinctView>, IEntryState<long, DistinctView>, IEntryState<Guid, DistinctView>
{
    /// <summary>Where the list ends: longer ones would cost more to insert into than a register does.</summary>
    internal const int SparseCapacity = 1024;

    private const int FirstCapacity = 8;

    // Sorted by register, each register * 64 + rank, which is also the entry on the wire.
    private int[]? _sparse;

    // Null or all zero while the list is in use; it outlives a reset.
    private byte[]? _dense;
    private bool _isDense;

    // How many registers are not zero, in either form.
    private int _count;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _count == 0;

    /// <summary>An immutable copy of the sketch.</summary>
    public readonly DistinctView View
    {
        get
        {
            if (_count == 0)
                return DistinctView.Empty;
            byte[] payload = new byte[PayloadLength];
            WritePayload(payload);
            return new DistinctView(payload);
        }
    }

    private readonly int PayloadLength => _count > DistinctPayload.MaxSparse ? DistinctPayload.DenseBytes : _count * DistinctPayload.SparseBytes;

    /// <summary>Counts a string by its UTF-8 bytes.</summary>
    /// <param name="contribution">The value; <see langword="null"/> is none.</param>
    public void Merge(string? contribution)
    {
        if (contribution is not null)
            Raise(StringElement.Hash(contribution));
    }

    /// <summary>Counts an integer by its 8 bytes, little-endian.</summary>
    /// <param name="contribution">The value; <see langword="null"/> is none.</param>
    public void Merge(long? contribution)
    {
        if (contribution is { } value)
            Raise(Int64Element.Hash(value));
    }

    /// <summary>Counts a Guid by its 16 bytes in the order of its text.</summary>
    /// <param name="contribution">The value; <see langword="null"/> is none.</param>
    public void Merge(Guid? contribution)
    {
        if (contribution is { } value)
            Raise(GuidElement.Hash(value));
    }

    /// <inheritdoc/>
    public void Reset()
    {
        if (_isDense)
            Array.Clear(_dense!);
        _isDense = false;
        _count = 0;
    }

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (_count != 0)
            WritePayload(FieldFrame.Append(output, field, PayloadLength));
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload)
    {
        if (!DistinctPayload.IsCanonical(payload))
            throw MalformedField.Of("distinct", payload.Length);
        Reset();
        if (!DistinctPayload.IsDense(payload))
        {
            for (; !payload.IsEmpty; payload = payload[DistinctPayload.SparseBytes..])
                Raise(DistinctPayload.ReadSparse(payload));
            return;
        }

        UseDense();
        for (int register = 0; register < HyperLogLog.Registers; register += DistinctPayload.Lanes)
        {
            ulong eight = DistinctPayload.ReadEight(payload, register);
            for (int i = 0; i < DistinctPayload.Lanes; i++)
                RaiseDense(register + i, (int)(eight >> (6 * i)) & 63);
        }
    }

    private void Raise(ulong hash)
    {
        (int register, int rank) = HyperLogLog.Place(hash);
        Raise((register << 6) | rank);
    }

    private void Raise(int entry)
    {
        if (_isDense)
            RaiseDense(entry >> 6, entry & 63);
        else
            RaiseSparse(entry);
    }

    private void RaiseDense(int register, int rank)
    {
        ref byte current = ref _dense![register];
        if (rank <= current)
            return;
        if (current == 0)
            _count++;
        current = (byte)rank;
    }

    private void RaiseSparse(int entry)
    {
        // The first entry of the register or of a higher one: all entries of one register are below the next register's first.
        int position = _sparse.AsSpan(0, _count).BinarySearch(entry & ~63);
        position = position < 0 ? ~position : position;
        if (position < _count && _sparse![position] >> 6 == entry >> 6)
        {
            _sparse[position] = Math.Max(_sparse[position], entry);
            return;
        }

        if (_count == SparseCapacity)
        {
            UseDense();
            RaiseDense(entry >> 6, entry & 63);
            return;
        }

        if (_sparse is null || _count == _sparse.Length)
            Array.Resize(ref _sparse, _sparse is null ? FirstCapacity : _sparse.Length * 2);
        _sparse.AsSpan(position, _count - position).CopyTo(_sparse.AsSpan(position + 1));
        _sparse[position] = entry;
        _count++;
    }

    private void UseDense()
    {
        _dense ??= new byte[HyperLogLog.Registers];
        foreach (int entry in _sparse.AsSpan(0, _count))
            _dense[entry >> 6] = (byte)(entry & 63);
        _isDense = true;
    }

    private readonly void WritePayload(Span<byte> payload)
    {
        if (!_isDense)
        {
            for (int i = 0; i < _count; i++)
                DistinctPayload.WriteSparse(payload[(i * DistinctPayload.SparseBytes)..], _sparse![i]);
        }
        else if (_count <= DistinctPayload.MaxSparse)
        {
            for (int register = 0; register < HyperLogLog.Registers; register++)
            {
                if (_dense![register] == 0)
                    continue;
                DistinctPayload.WriteSparse(payload, (register << 6) | _dense[register]);
                payload = payload[DistinctPayload.SparseBytes..];
            }
        }
        else
        {
            for (int register = 0; register < HyperLogLog.Registers; register += DistinctPayload.Lanes)
            {
                ulong eight = 0;
                for (int i = 0; i < DistinctPayload.Lanes; i++)
                    eight |= (ulong)_dense![register + i] << (6 * i);
                DistinctPayload.WriteEight(payload, register, eight);
            }
        }
    }

    readonly int IEntryState.PayloadLength => PayloadLength;

    readonly void IEntryState.WritePayload(Span<byte> destination) => WritePayload(destination);

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload);

    readonly DistinctView IEntryState<string, DistinctView>.View(int parameter) => View;

    readonly bool IEntryState<string, DistinctView>.CanAdd(string contribution, int parameter) => true;

    void IEntryState<string, DistinctView>.Add(string contribution, int parameter, scoped in MergeContext context) => Merge(contribution);

    readonly DistinctView IEntryState<long, DistinctView>.View(int parameter) => View;

    readonly bool IEntryState<long, DistinctView>.CanAdd(long contribution, int parameter) => true;

    void IEntryState<long, DistinctView>.Add(long contribution, int parameter, scoped in MergeContext context) => Merge(contribution);

    readonly DistinctView IEntryState<Guid, DistinctView>.View(int parameter) => View;

    readonly bool IEntryState<Guid, DistinctView>.CanAdd(Guid contribution, int parameter) => true;

    void IEntryState<Guid, DistinctView>.Add(Guid contribution, int parameter, scoped in MergeContext context) => Merge(contribution);
}
