using Sluice.Aggregates.Fields;

namespace Sluice;

/// <summary>
/// What one event contributes to an <see cref="OpaqueAttribute">[Opaque]</see> field: the state as bytes, written when the event is made, so that what
/// happens to the state afterwards does not matter. The default contributes nothing.
/// </summary>
/// <typeparam name="T">The state.</typeparam>
/// <remarks>Immutable. Safe on any thread.</remarks>
public readonly struct Opaque<T> : IEquatable<Opaque<T>>
    where T : IOpaqueState<T>
{
    private readonly byte[]? _bytes;

    /// <summary>Writes the state. Allocates its bytes.</summary>
    /// <param name="state">The state; <see langword="null"/> contributes nothing.</param>
    /// <exception cref="OpaqueStateException">The state's code threw, or the state takes more than <see cref="OpaqueAttribute.MaxBytes"/> bytes.</exception>
    public Opaque(T? state) => _bytes = state is null ? null : OpaqueCodec<T>.Write(state);

    /// <summary>True when there is nothing to contribute.</summary>
    public bool IsNone => _bytes is null;

    /// <summary>The state's bytes.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>The bytes themselves, or null.</summary>
    internal byte[]? Content => _bytes;

    /// <summary>Writes the state, see the constructor.</summary>
    /// <param name="state">The state.</param>
    public static implicit operator Opaque<T>(T? state) => new(state);

    /// <summary>Equality of the bytes.</summary>
    public static bool operator ==(Opaque<T> left, Opaque<T> right) => left.Equals(right);

    /// <summary>Inequality of the bytes.</summary>
    public static bool operator !=(Opaque<T> left, Opaque<T> right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(Opaque<T> other) => IsNone == other.IsNone && _bytes.AsSpan().SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Opaque<T> other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }
}
