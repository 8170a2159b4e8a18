using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Aggregates;

namespace Sluice.Caching;

/// <summary>How the table hashes keys and tells them apart.</summary>
/// <remarks>
/// <para>Strings, integers and guids with the framework's equality get a hash of 64 bits whose secrets are drawn once per process, so that nobody
/// outside can choose keys that collide or crowd one stripe. Other keys, and comparers of a codec, bring their own 32 bits, which are spread.</para>
/// <para>Which kind it is is a constant for the compiler where the key is a value; strings share their code with all other classes, so for them it is
/// a field: a branch that is always predicted. Immutable; any thread.</para>
/// </remarks>
internal sealed class KeyEquality<TKey>
    where TKey : notnull
{
    private readonly KeySecrets _secrets = KeySecrets.OfProcess;
    private readonly IEqualityComparer<TKey>? _comparer;
    private readonly IAlternateEqualityComparer<ReadOnlySpan<char>, TKey>? _spans;
    private readonly bool _isText;

    public KeyEquality(IEqualityComparer<TKey> comparer)
    {
        bool isDefault = ReferenceEquals(comparer, EqualityComparer<TKey>.Default);
        _isText = typeof(TKey) == typeof(string) && isDefault;
        bool isKnownValue = typeof(TKey) == typeof(long) || typeof(TKey) == typeof(int) || typeof(TKey) == typeof(Guid);
        if (!_isText && !(isKnownValue && isDefault))
        {
            _comparer = comparer;
            _spans = typeof(TKey) == typeof(string) ? comparer as IAlternateEqualityComparer<ReadOnlySpan<char>, TKey> : null;
        }
    }

    /// <summary>Whether spans can be looked up: the key is a string and its comparer knows spans.</summary>
    public bool FindsSpans => _isText || _spans is not null;

    /// <summary>Whether hashing and comparing run no code of the application, so that they can be done ahead of time and cannot throw.</summary>
    public bool IsBuiltIn => _comparer is null;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Hash(TKey key)
    {
        if (typeof(TKey).IsValueType)
        {
            if (_comparer is null)
            {
                if (typeof(TKey) == typeof(long))
                    return _secrets.Hash((ulong)Unsafe.BitCast<TKey, long>(key));
                if (typeof(TKey) == typeof(int))
                    return _secrets.Hash((ulong)Unsafe.BitCast<TKey, int>(key));
                if (typeof(TKey) == typeof(Guid))
                    return _secrets.Hash(Unsafe.BitCast<TKey, Guid>(key));
            }
        }
        else if (_isText)
        {
            if (key is null)
                ThrowNull();
            return _secrets.Hash(Unsafe.As<TKey, string>(ref key).AsSpan());
        }

        return HashByComparer(key);
    }

    public ulong Hash(ReadOnlySpan<char> key) => _isText ? _secrets.Hash(key) : _secrets.Hash((ulong)_spans!.GetHashCode(key));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool AreEqual(TKey resident, TKey key)
    {
        if (typeof(TKey).IsValueType)
        {
            if (_comparer is null)
            {
                // Also for int and Guid; the compiler has this without a call.
                return EqualityComparer<TKey>.Default.Equals(resident, key);
            }
        }
        else if (_isText)
        {
            return ReferenceEquals(resident, key) || string.Equals(Unsafe.As<TKey, string>(ref resident), Unsafe.As<TKey, string>(ref key));
        }

        return _comparer!.Equals(resident, key);
    }

    public bool AreEqual(TKey resident, ReadOnlySpan<char> key) =>
        _isText ? key.SequenceEqual(Unsafe.As<TKey, string>(ref resident)) : _spans!.Equals(key, resident);

    private ulong HashByComparer(TKey key)
    {
        if (key is null)
            ThrowNull();
        return _secrets.Hash((ulong)_comparer!.GetHashCode(key));
    }

    [DoesNotReturn]
    private static void ThrowNull() => throw new ArgumentNullException("key");
}
