#include <garage/blueprint/delta_net.hpp>

namespace garage {

void DeltaNet::check(Faults& faults) const {
  faults.present("key_heads", key_heads);
  faults.present("value_heads", value_heads);
  faults.present("key_dim", key_dim);
  faults.present("value_dim", value_dim);
  faults.present("kernel", kernel);
  if (key_heads <= 0 || value_heads <= 0) return;
  faults.require(value_heads % key_heads == 0, [&] {
    return std::to_string(value_heads) + " value_heads cannot share " + std::to_string(key_heads) + " key_heads evenly";
  });
  const auto keys = faults.product("q", {key_heads, key_dim}), values = faults.product("v", {value_heads, value_dim});
  faults.equal("q.out", q.out, keys, "key_heads x key_dim");
  faults.equal("k.out", k.out, keys, "key_heads x key_dim");
  faults.equal("v.out", v.out, values, "value_heads x value_dim");
  faults.equal("gate.out", gate.out, values, "value_heads x value_dim");
  faults.equal("o.in", o.in, values, "value_heads x value_dim");
  faults.equal("beta.out", beta.out, value_heads, "value_heads");
  faults.equal("decay.out", decay.out, value_heads, "value_heads");
  for (const auto* linear : {&k, &v, &gate, &beta, &decay}) faults.equal("q.in", q.in, linear->in, "as the others");
  faults.equal("norm.size", norm.size, value_dim, "value_dim");
  faults.above_0("beta_scale", beta_scale);
  faults.present("q_conv", q_conv);
  faults.present("k_conv", k_conv);
  faults.present("v_conv", v_conv);
  faults.present("rate", rate);
  faults.present("decay_bias", decay_bias);
}

}  // namespace garage
