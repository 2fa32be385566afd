// sha256(text): the SHA-256 (FIPS 180-4) of a text in UTF-8, as 64 hexadecimal digits. Browsers
// have their own on https only and give its result later; this is for whatever runs ES5.
var sha256 = (function () {
  "use strict";

  var CONSTANTS = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
  ];

  function octetsOf(text) {
    var encoded = encodeURIComponent(text), octets = [], at = 0;
    while (at < encoded.length) {
      if (encoded.charAt(at) === "%") {
        octets.push(parseInt(encoded.substr(at + 1, 2), 16));
        at += 3;
      } else {
        octets.push(encoded.charCodeAt(at));
        at += 1;
      }
    }
    return octets;
  }

  // Whole blocks of sixteen words: the octets, one bit, zeros, and the length in bits.
  function wordsOf(octets) {
    var words = [], count = ((octets.length + 8 >> 6) + 1) * 16, i;
    for (i = 0; i < count; i += 1) words[i] = 0;
    for (i = 0; i < octets.length; i += 1) words[i >> 2] |= octets[i] << 24 - i % 4 * 8;
    words[octets.length >> 2] |= 0x80 << 24 - octets.length % 4 * 8;
    words[count - 2] = Math.floor(octets.length / 0x20000000);
    words[count - 1] = octets.length << 3;
    return words;
  }

  function rotate(word, bits) {
    return word >>> bits | word << 32 - bits;
  }

  function compress(state, words, start) {
    var w = [], s = state.slice(), i, first, second;
    for (i = 0; i < 64; i += 1) {
      if (i < 16) {
        w[i] = words[start + i];
      } else {
        w[i] = w[i - 16] + w[i - 7] +
          (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >>> 3) +
          (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >>> 10) | 0;
      }
      first = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
        (s[4] & s[5] ^ ~s[4] & s[6]) + CONSTANTS[i] + w[i] | 0;
      second = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
        (s[0] & s[1] ^ s[0] & s[2] ^ s[1] & s[2]) | 0;
      s = [first + second | 0, s[0], s[1], s[2], s[3] + first | 0, s[4], s[5], s[6]];
    }
    for (i = 0; i < 8; i += 1) state[i] = state[i] + s[i] | 0;
  }

  function hexadecimal(word) {
    return ("0000000" + (word >>> 0).toString(16)).slice(-8);
  }

  return function (text) {
    var words = wordsOf(octetsOf(text)), digest = "", start, i;
    var state = [
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
    ];
    for (start = 0; start < words.length; start += 16) compress(state, words, start);
    for (i = 0; i < 8; i += 1) digest += hexadecimal(state[i]);
    return digest;
  };
}());
